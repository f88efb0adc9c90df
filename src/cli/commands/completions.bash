# Completions of knowngood for bash: source <(knowngood completions bash)

_knowngood() {
    # Bash has cut the line at @, = and : too. What no space stands between is put together again.
    local words=() rest=${COMP_LINE:0:COMP_POINT} begin piece i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        begin=${rest#"${rest%%[![:space:]]*}"}
        piece=${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && piece=$begin
        if ((i > 0)) && [[ $begin == "$rest" ]]; then
            words[${#words[@]} - 1]+=$piece
        else
            words+=("$piece")
        fi
        rest=${begin#"$piece"}
    done
    local current=$((${#words[@]} - 1)) reply
    # What bash takes for the word is its end; the rest of it stays on the line.
    local kept=${words[current]%"$2"}
    COMPREPLY=()
    while IFS= read -r reply || [[ -n $reply ]]; do
        COMPREPLY+=("${reply#"$kept"}")
    done < <(
        KNOWNGOOD_COMPLETE=bash _CLAP_COMPLETE_INDEX=$current _CLAP_IFS=$'\n' \
            "$1" -- "${words[@]}" 2>/dev/null
    )
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/:@] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -o bashdefault -o nosort -F _knowngood knowngood 2>/dev/null ||
    complete -o bashdefault -F _knowngood knowngood
