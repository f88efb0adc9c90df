# Completions of knowngood for bash: source <(knowngood completions bash)

_knowngood() {
    local words=() word current=0 i joins=
    # Bash has cut the line at @, = and : too; what it cut there is put together again.
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && word=$2
        if [[ ${#words[@]} -gt 1 && ( $joins == yes || ( $word == [@=:]* && $word != @?* ) ) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        [[ ${COMP_WORDS[i]} == *[@=:] ]] && joins=yes || joins=
        ((i == COMP_CWORD)) && current=$((${#words[@]} - 1))
    done
    local typed=${words[current]}
    local cut=${typed%"$2"} reply
    COMPREPLY=()
    while IFS= read -r reply; do
        COMPREPLY+=("${reply#"$cut"}")
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
