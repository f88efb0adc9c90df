# Loads a tool once and runs it in a fork of its own for every call, in a directory of its own, of which nothing is left.
# Its standard input is a socket: one JSON document a line, requests in, answers out; the tool gets neither that nor any
# other descriptor of ours. argv: the tool's path, its copy, the root, the import root, the module's name or nothing, and
# how it is run (module, script, program); then pairs of a path and its copy (nothing: the file goes), of what goes live
# together with it. `overlay.py` stands before this.
import hashlib
import inspect
import math
import random
import re
import resource
import select
import shutil
import signal
import stat
import sysconfig
import time

target, copy, tools, import_root, module, way = sys.argv[1:7]
shared = []
staged[target] = copy
staged.update(zip(sys.argv[7::2], sys.argv[8::2]))
channel = os.dup(0)
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
here = os.getcwd()
site = os.path.join(here, "run")
work, home, temporary = (os.path.join(site, it) for it in ("work", "home", "tmp"))
MOST_LINE = 8 << 20
MOST_PRINTED = 256 << 10
MOST_FIXTURE = 64 << 20
MOST_FILES = 4096
MOST_EFFECTS = 256


# ------------------------------------------------------------------------------------------------------------- effects

own_files = tuple(
    {os.path.join(it, "") for it in sysconfig.get_paths().values()}
    | {os.path.join(os.path.realpath(it), "") for it in sysconfig.get_paths().values()}
)
quiet = ("/proc/", "/sys/", "/usr/share/zoneinfo", "/etc/localtime", "/usr/lib/locale", "/dev/")
watching = False
effects = []
WRITES = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink",
    "os.truncate", "os.utime", "os.setxattr", "os.removexattr", "shutil.rmtree", "shutil.move",
}
RUNS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn"}
PROCESSES = {"os.fork", "os.forkpty", "os.kill", "os.killpg", "signal.pthread_kill"}
NETWORK = {
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
    "socket.gethostbyname", "socket.gethostbyaddr",
}


def is_library(name):
    return name.startswith(("<frozen", "<string>")) or name.startswith(own_files)


def place(path):
    path = os.path.abspath(os.fsdecode(path))
    named = ((work, "$WORK"), (home, "$HOME"), (temporary, "$TMP"), ("/tmp", "$TMP"), (tools, "$ROOT"))
    for known, name in ((here, None),) + named:
        if name and (path == known or path.startswith(known + "/")):
            return name
    if path.startswith(os.path.dirname(here) + "/"):
        return None
    return "/".join(path.split("/")[:3])


def caller(depth):
    try:
        return sys._getframe(depth).f_code.co_filename
    except ValueError:
        return ""


def effect(event, args):
    if event == "open":
        path, _, flags = args
        if not isinstance(path, (str, bytes)):
            return None
        text = os.fsdecode(path)
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        if not writes and (text.startswith(own_files) or caller(3).startswith("<frozen importlib")):
            return None
        if text.startswith(quiet) or caller(3).endswith(("/linecache.py", "/tokenize.py")):
            return None
        return ("fs_write" if writes else "fs_read"), place(path)
    if event in WRITES:
        path = next((it for it in args if isinstance(it, (str, bytes))), ".")
        return "fs_write", place(path)
    if event in ("os.listdir", "os.scandir", "glob.glob"):
        path = args[0] if args and isinstance(args[0], (str, bytes)) else "."
        if caller(3).startswith("<frozen importlib"):
            return None
        return "fs_read", place(path)
    if event in RUNS:
        program = args[0] if args else ""
        program = program if isinstance(program, (str, bytes)) else str(program)
        return "exec", os.path.basename(os.fsdecode(program).split(" ")[0])
    if event in PROCESSES:
        return (None if is_library(caller(3)) else ("process", event))
    if event == "urllib.Request":
        return ("net_read" if args[3] in ("GET", "HEAD") else "net_write"), "http"
    if event in NETWORK:
        address = args[1] if event in ("socket.connect", "socket.bind", "socket.sendto") else args[0]
        if isinstance(address, (str, bytes)) and event == "socket.connect":
            return "net_read", "unix"
        return "net_read", "network"
    if event == "ctypes.dlopen":
        return "ffi", os.path.basename(str(args[0]))
    if event in ("os.putenv", "os.unsetenv"):
        return "env_write", "environment"
    if event in ("exec", "compile") and not is_library(caller(3)):
        code = getattr(args[0], "co_filename", args[1] if len(args) > 1 else "")
        if str(code) != target:
            return "code_exec", "python"
    return None


def hook(event, args):
    if not watching or len(effects) >= MOST_EFFECTS:
        return
    try:
        found = effect(event, args)
    except Exception:
        return
    if found and found[1] and (found, event) not in effects:
        effects.append((found, event))


def told_effects():
    return [{"cap": cap, "place": at, "event": event} for (cap, at), event in effects]


# -------------------------------------------------------------------------------------------------------------- values

def plain(value, depth=0):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return without_paths(str(value).encode("utf-8", "backslashreplace").decode())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$repr": repr(float(value))}
    if depth > 40:
        return {"$repr": "...", "$type": type(value).__name__}
    if isinstance(value, dict):
        return {key(it): plain(inner, depth + 1) for it, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(it, depth + 1) for it in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(it, depth + 1) for it in value), key=lambda it: json.dumps(it, sort_keys=True))
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": bytes(value).hex()}
    if inspect.isgenerator(value):
        return [plain(it, depth + 1) for _, it in zip(range(1000), value)]
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {it: plain(getattr(value, it, None), depth + 1) for it in value.__dataclass_fields__}
    for name in ("model_dump", "dict", "_asdict"):
        made = getattr(value, name, None)
        if callable(made) and not isinstance(value, type):
            try:
                return plain(made(), depth + 1)
            except Exception:
                break
    return {"$repr": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))[:4000], "$type": type(value).__name__}


def without_paths(text):
    """Where the workspace stands is no part of an answer."""
    return text.replace(work, "$WORK").replace(home, "$HOME").replace(temporary, "$TMP").replace(here, "$SCRATCH")


def with_paths(value):
    """`$WORK/a.txt` in an input."""
    if isinstance(value, str) and (value == "$WORK" or value.startswith("$WORK/")):
        return work + value[5:]
    if isinstance(value, list):
        return [with_paths(it) for it in value]
    if isinstance(value, dict):
        return {it: with_paths(inner) for it, inner in value.items()}
    return value


def key(it):
    return plain(it) if isinstance(it, str) else str(plain(it))


def says_error(value):
    """A tool that answers with an error instead of raising one."""
    if not isinstance(value, dict):
        return None
    failed = any(value.get(it) is True for it in ("is_error", "isError"))
    failed = failed or any(value.get(it) is False for it in ("success", "ok"))
    failed = failed or value.get("status") == "error" or value.get("error") not in (None, "", False, [], {})
    if not failed:
        return None
    said = value.get("error") or value.get("message") or "the tool answered with an error"
    return {"type": "error", "message": said if isinstance(said, str) else json.dumps(said), "handled": True}


# ---------------------------------------------------------------------------------------------------------------- entry

class NoEntry(Exception):
    pass


def find_entry(loaded, wanted):
    """What is called, and by which name it is told."""
    declared = getattr(loaded, "TOOL", None)
    declared = declared if isinstance(declared, dict) else {}
    wanted = wanted or declared.get("entry")
    if wanted:
        return named_entry(loaded, wanted)
    stem = os.path.basename(target).rsplit(".", 1)[0].replace("-", "_")
    own = [it for it in vars(loaded).values() if inspect.isclass(it) and it.__module__ == loaded.__name__]
    for method in ("execute", "run", "__call__", "_run"):
        fit = [it for it in own if callable(getattr(it, method, None)) and not inspect.isabstract(it)]
        camel = stem.replace("_", "").lower()
        fit.sort(key=lambda it: it.__name__.lower() not in (camel, camel + "tool", camel.removesuffix("tool")))
        if fit:
            return fit[0], method
    for name in (stem, stem.removesuffix("_tool"), "execute", "run", "main"):
        found = getattr(loaded, name, None)
        if inspect.isroutine(found) and getattr(found, "__module__", None) == loaded.__name__:
            return None, name
    raise NoEntry("there is no class with execute or run, and no function " + stem + ", run or main")


def named_entry(loaded, wanted):
    first, _, method = wanted.partition(".")
    found = getattr(loaded, first, None)
    if found is None:
        raise NoEntry("there is no " + first)
    if not inspect.isclass(found):
        return None, first
    for name in [method] if method else ["execute", "run", "__call__", "_run"]:
        if callable(getattr(found, name, None)):
            return found, name
    raise NoEntry(first + " has no " + (method or "execute"))


def made(loaded, entry):
    owner, name = entry
    if owner is None:
        return getattr(loaded, name)
    needed = [
        it for it in inspect.signature(owner).parameters.values()
        if it.default is it.empty and it.kind in (it.POSITIONAL_ONLY, it.POSITIONAL_OR_KEYWORD, it.KEYWORD_ONLY)
    ] if owner.__init__ is not object.__init__ else []
    if needed:
        raise NoEntry(owner.__name__ + " cannot be made without " + ", ".join(it.name for it in needed))
    return getattr(owner(), name)


TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object"}
BY_NAME = {it.__name__: name for it, name in TYPES.items()}


def parameters(loaded, entry):
    """A JSON schema, as far as one is told."""
    owner, name = entry
    declared = getattr(loaded, "TOOL", None)
    for place_of in (declared, vars(owner) if owner else None, vars(loaded)):
        for it in ("parameters", "input_schema", "inputSchema"):
            given = place_of.get(it) if hasattr(place_of, "get") else None
            if isinstance(given, dict) and isinstance(given.get("properties"), dict):
                return plain(given)
    function = getattr(owner, name) if owner else getattr(loaded, name)
    fields, required = {}, []
    try:
        taken = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return {}
    for it in taken[1:] if owner else taken:
        if it.kind in (it.VAR_POSITIONAL, it.VAR_KEYWORD):
            continue
        told = it.annotation
        kind = TYPES.get(told) or BY_NAME.get(told if isinstance(told, str) else "")
        kind = kind or TYPES.get(type(it.default))
        fields[it.name] = {"type": kind} if kind else {}
        if it.default is it.empty:
            required.append(it.name)
    return {"type": "object", "properties": fields, "required": required}


def call_entry(function, args):
    try:
        taken = inspect.signature(function).parameters
    except (TypeError, ValueError):
        taken = {}
    whole = len(taken) == 1 and next(iter(taken)) in ("args", "arguments", "params", "parameters", "input", "inputs", "kwargs")
    if not isinstance(args, dict) or whole and set(args) != set(taken) and next(iter(taken.values())).kind not in (2, 4):
        value = function(args)
    else:
        value = function(**args)
    return run_async(value) if inspect.isawaitable(value) else value


def run_async(value):
    import asyncio

    async def wait():
        return await value

    try:
        loop = asyncio.new_event_loop()
    except OSError:
        # Where no socket may be made there is nothing to wake the loop from another thread.
        class Loop(asyncio.SelectorEventLoop):
            def _make_self_pipe(self):
                self._ssock = self._csock = None

            def _close_self_pipe(self):
                pass

        loop = Loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(wait())
    finally:
        asyncio.set_event_loop(None)


# --------------------------------------------------------------------------------------------------------------- errors

def told_error(error):
    frames = [
        "%s:%d in %s" % (os.path.relpath(it.filename, tools) if it.filename.startswith(tools) else it.filename, it.lineno, it.name)
        for it in traceback.extract_tb(error.__traceback__)
        if it.filename != "<string>" and not it.filename.startswith("<frozen")
    ]
    if isinstance(error, SyntaxError) and error.filename == target:
        frames.append("%s:%s" % (os.path.basename(target), error.lineno))
    return {"type": type(error).__name__, "message": str(plain(str(error)))[:4000], "handled": False, "frames": frames[-8:]}


def denials(error):
    import errno
    kept = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH}
    found, seen = [], 0
    while error is not None and seen < 20:
        if isinstance(error, OSError) and (error.errno in kept or type(error).__name__ == "gaierror"):
            what = place(error.filename) if isinstance(error.filename, (str, bytes)) else "the network"
            found.append("%s (%s)" % (what or "its own files", type(error).__name__))
        error, seen = error.__cause__ or error.__context__, seen + 1
    return found


def status_of(error):
    import errno
    if isinstance(error, MemoryError):
        return "limit"
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EMFILE, errno.EDQUOT)
    return "limit" if full else "error"


# ----------------------------------------------------------------------------------------------------------- workspaces

def remove(path):
    def again(function, at, _):
        try:
            os.chmod(os.path.dirname(at), 0o700)
            os.chmod(at, 0o700)
            function(at)
        except OSError:
            pass

    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    else:
        shutil.rmtree(path, onerror=again)


def fresh(fixture):
    if os.path.lexists(site):
        remove(site)
    for path in (site, home, temporary):
        os.mkdir(path, 0o700)
    if not fixture:
        os.mkdir(work, 0o700)
        return
    total = sum(os.lstat(os.path.join(at, it)).st_size for at, _, names in os.walk(fixture) for it in names)
    if total > MOST_FIXTURE:
        raise OSError("the fixture is larger than 64 MiB")
    shutil.copytree(fixture, work, symlinks=True)


def empty():
    """What others must not find."""
    remove(site)
    for folder, there in shared:
        for name in set(os.listdir(folder)) - there:
            remove(os.path.join(folder, name))


def listing():
    found = {}
    for top, name in ((work, ""), (home, "$HOME/")):
        for at, folders, files in os.walk(top):
            for it in folders + files:
                if len(found) >= MOST_FILES:
                    return found
                path = os.path.join(at, it)
                found[name + os.path.relpath(path, top)] = sum_of(path)
    return found


def sum_of(path):
    try:
        seen = os.lstat(path)
        if stat.S_ISLNK(seen.st_mode):
            return "link " + os.readlink(path)
        if not stat.S_ISREG(seen.st_mode):
            return "folder" if stat.S_ISDIR(seen.st_mode) else "special"
        with usual_open(path, "rb") as file:
            bits = "x" if seen.st_mode & 0o100 else "-"
            return bits + hashlib.sha256(file.read(MOST_FIXTURE)).hexdigest()
    except OSError:
        return "unreadable"


def changes(before, after):
    made_of = {}
    for path in sorted(set(before) | set(after)):
        old, new = before.get(path), after.get(path)
        if old != new:
            what = "create" if old is None else "delete" if new is None else "modify"
            made_of[plain(path)] = {"what": what, "sha256": new or ""}
    return made_of


# ------------------------------------------------------------------------------------------------------ scripts, programs

def words(args):
    if isinstance(args, dict) and isinstance(args.get("argv"), list):
        return [str(it) for it in args["argv"]]
    if not isinstance(args, dict):
        return [json.dumps(args)]
    out = [str(it) for it in args.get("_", [])]
    for name, value in args.items():
        if name == "_" or value is None or value is False:
            continue
        for it in value if isinstance(value, list) else [value]:
            out += ["--" + name] if it is True else ["--" + name, it if isinstance(it, str) else json.dumps(it)]
    return out


def given(request):
    """What it reads and what it is called with."""
    if request.get("input") == "argv":
        return str(request["args"].get("stdin", "")) if isinstance(request["args"], dict) else "", words(request["args"])
    return json.dumps(request["args"]), []


def mirror():
    """Where a program stands that finds its neighbours by its own path: links to them, and the copy in its place."""
    at, top = tools, os.path.join(here, "tool")
    if os.path.lexists(top):
        return os.path.join(top, os.path.relpath(target, tools))
    os.mkdir(top)
    parts = os.path.relpath(target, tools).split("/")
    for part in parts:
        for name in os.listdir(at) if os.path.isdir(at) else []:
            if name != part:
                os.symlink(os.path.join(at, name), os.path.join(top, name))
        at, top = os.path.join(at, part), os.path.join(top, part)
        if part != parts[-1] or at != target:
            os.mkdir(top)
    shutil.copyfile(copy, top)
    os.chmod(top, 0o755)
    return top


BY_ENDING = {".sh": "sh", ".bash": "bash", ".js": "node", ".mjs": "node", ".rb": "ruby", ".pl": "perl"}


def program():
    path = mirror()
    with usual_open(path, "rb") as file:
        begins = file.read(4)
    ending = BY_ENDING.get(os.path.splitext(path)[1])
    named_itself = begins.startswith((b"#!", b"\x7fELF"))
    return [path] if named_itself or not ending else [ending, path]


def run_script(arguments):
    import types
    made_module = types.ModuleType("__main__")
    made_module.__file__ = target
    sys.modules["__main__"] = made_module
    sys.argv = [target] + arguments
    sys.path[0:0] = [os.path.dirname(target)]
    with usual_open(copy, "rb") as file:
        code = compile(file.read(), target, "exec", dont_inherit=True)
    exec(code, made_module.__dict__)


# ---------------------------------------------------------------------------------------------------------------- calls

def child(request, out):
    """Never returns."""
    global watching
    os.close(channel)
    answer, code = {"status": "ok", "value": None}, 0
    try:
        seconds = math.ceil(request["timeout_ms"] / 1000) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        os.chdir(work)
        os.environ.update(HOME=home, TMPDIR=temporary, PWD=work)
        random.seed(request.get("seed", 0))
        text, arguments = given(request)
        if way != "module":
            held = os.open(os.path.join(here, "stdin"), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(held, text.encode("utf-8", "backslashreplace"))
            os.lseek(held, 0, 0)
            os.dup2(held, 0)
            os.close(held)
            os.unlink(os.path.join(here, "stdin"))
        if way == "program":
            start = program() + arguments
            os.closerange(3, 256) if out < 3 else None
            os.execvp(start[0], start)
        watching = True
        if way == "script":
            sys.stdin = usual_open(0, "r", encoding="utf-8", closefd=False)
            run_script(arguments)
        else:
            value = plain(call_entry(made(loaded, entry), request["args"]))
            watching = False
            answer["value"] = value
            failed = says_error(value)
            if failed:
                answer.update(status="error", error=failed)
    except SystemExit as error:
        watching = False
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        if not isinstance(error.code, (int, type(None))):
            sys.stderr.write(str(error.code) + "\n")
        if way == "module":
            answer.update(status="error", error=told_error(error))
        else:
            answer["code"] = code
    except BaseException as error:
        watching = False
        if way != "module":
            traceback.print_exc()
        answer.update(status=status_of(error), error=told_error(error), denied=denials(error))
    finally:
        watching = False
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            answer["effects"] = told_effects()
            line = json.dumps(answer).encode()
            if len(line) > MOST_LINE:
                line = json.dumps({"status": "protocol", "error": {"type": "TooLarge", "message": "the value is larger than 8 MiB"}}).encode()
            line += b"\n"
            while line:
                line = line[os.write(out, line):]
        finally:
            os._exit(code & 255)


class Printed:
    def __init__(self, end):
        self.end, self.bytes, self.cut = end, b"", False

    def take(self):
        got = os.read(self.end, 65536)
        room = MOST_PRINTED - len(self.bytes)
        self.bytes, self.cut = self.bytes + got[:room], self.cut or len(got) > room
        return bool(got)

    def text(self):
        return without_paths(self.bytes.decode("utf-8", "replace"))


def call(request):
    fresh(request.get("fixture"))
    request["args"] = with_paths(request["args"])
    before = listing()
    ends = [os.pipe() for _ in range(3)]
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.dup2(ends[0][1], 1)
        os.dup2(ends[1][1], 2)
        for a, b in ends[:2]:
            os.close(a)
            os.close(b)
        os.close(ends[2][0])
        child(request, ends[2][1])
    for it in ends:
        os.close(it[1])
    out, err, told = Printed(ends[0][0]), Printed(ends[1][0]), b""
    open_ends, ended, late = {it[0] for it in ends}, None, False
    until = began + request["timeout_ms"] / 1000
    gone = watched(pid)
    try:
        while ended is None or open_ends:
            left = until - time.monotonic()
            if ended is None and left <= 0:
                late = True
                break
            # Its pipes are closed a moment before it is gone: without an end to wait on, one looks again soon.
            longest = 0.02 if open_ends and gone is None else 0.001 if gone is None else left
            watching_for = list(open_ends) + ([gone] if gone is not None and ended is None else [])
            ready = select.select(watching_for, [], [], 0 if ended else min(max(left, 0), longest))[0]
            for it in ready:
                if it == gone:
                    continue
                if it == ends[2][0]:
                    got = os.read(it, 1 << 20)
                    told += got
                    more = bool(got) and len(told) <= MOST_LINE + 1024
                else:
                    more = (out if it == ends[0][0] else err).take()
                if not more:
                    open_ends.discard(it)
            if ended is None:
                over, status, used = os.wait4(pid, os.WNOHANG)
                ended = (status, used) if over else None
            elif not ready:
                break
    finally:
        left_over = end_all(pid)
        for it in [it[0] for it in ends] + ([] if gone is None else [gone]):
            os.close(it)
    if ended is None:
        ended = left_over.get(pid)
    wall = (time.monotonic() - began) * 1000
    answer = judged(told, ended, late, out, err, request)
    used = ended[1] if ended else None
    answer.update(
        id=request["id"], stdout=out.text(), stderr=err.text(), cut=out.cut or err.cut, wall_ms=round(wall, 3),
        cpu_ms=round((used.ru_utime + used.ru_stime) * 1000, 3) if used else None,
        maxrss_kb=used.ru_maxrss if used else None, files=changes(before, listing()),
    )
    empty()
    return answer


def watched(pid):
    """What can be waited on until the process is gone; None where the system knows no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def end_all(pid):
    """Everything that came of a call: we are whom orphans come to."""
    ended = {}
    for _ in range(2000):
        for it in below(os.getpid()):
            try:
                os.kill(it, signal.SIGKILL)
            except OSError:
                pass
        try:
            while True:
                gone, status, used = os.wait4(-1, os.WNOHANG)
                if gone == 0:
                    break
                ended[gone] = (status, used)
        except ChildProcessError:
            return ended
        time.sleep(0.0005)
    return ended


def below(top):
    found, next_ones = [], [top]
    while next_ones:
        under = children(next_ones.pop())
        found += under
        next_ones += under
    return found


def children(pid):
    """The system keeps a list of them; where it does not, everybody is asked who their parent is."""
    found = []
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with usual_open("/proc/%d/task/%s/children" % (pid, thread), "rb") as file:
                found += [int(it) for it in file.read().split()]
        return found
    except OSError:
        return children_by_parents(pid) if not has_lists() else found


def has_lists():
    return os.path.exists("/proc/self/task/%d/children" % os.getpid())


def children_by_parents(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with usual_open("/proc/%s/stat" % name, "rb") as file:
                    fields = file.read().rpartition(b") ")[2].split()
                if int(fields[1]) == pid:
                    found.append(int(name))
            except (OSError, IndexError, ValueError):
                pass
    return found


LIMITS = {signal.SIGXCPU, signal.SIGXFSZ}


def judged(told, ended, late, out, err, request):
    if late:
        message = "did not end within %d ms" % request["timeout_ms"]
        return {"status": "timeout", "error": {"type": "Timeout", "message": message}, "effects": effects_of(told)}
    status = ended[0] if ended else 0
    if os.WIFSIGNALED(status) or ended is None:
        number = os.WTERMSIG(status) if ended else 0
        kind = "limit" if number in LIMITS else "crash"
        message = "was ended by signal %d" % number
        return {"status": kind, "error": {"type": "Signal", "message": message}, "effects": effects_of(told)}
    code = os.WEXITSTATUS(status)
    if way != "program":
        try:
            answer = json.loads(told)
        except ValueError:
            message = "ended with status %d before it answered" % code
            return {"status": "crash", "error": {"type": "Exit", "message": message}}
        if way == "module" or answer.get("status") != "ok":
            if way != "module":
                answer["value"] = printed(out)
            return answer
        answer["value"] = printed(out)
    else:
        answer = {"status": "ok", "value": printed(out)}
    # A script that leaves by itself means its number; a shell says so of what it could not run or what a signal ended.
    if code >= 126 and way == "program":
        answer.update(status="crash", error={"type": "Exit", "message": "exited with status %d" % code})
    elif code:
        said = [it for it in err.text().splitlines() if it.strip()] or [""]
        answer.update(status="error", error={"type": "Exit%d" % code, "message": said[-1], "handled": True})
        if any(it.startswith("Traceback (most recent call last)") for it in said):
            kind, _, message = said[-1].partition(":")
            answer["error"] = {"type": kind, "message": message.strip(), "handled": False}
    return answer


def effects_of(told):
    try:
        return json.loads(told).get("effects", [])
    except ValueError:
        return []


def printed(out):
    text = out.text()
    try:
        value = json.loads(text)
        return plain(value) if isinstance(value, (dict, list)) else {"text": text}
    except ValueError:
        return {"text": text}


# ------------------------------------------------------------------------------------------------------------- requests

loaded, entry = None, None


def hello(request):
    global loaded, entry, watching, way
    began = time.monotonic()
    # Common directories that are this sandbox's own, with what stands there for good.
    shared.extend((it, set(os.listdir(it))) for it in request.get("shared", []) if os.path.isdir(it))
    if request.get("audit", True) and hasattr(sys, "addaudithook"):
        sys.addaudithook(hook)
    if way == "program":
        return {"ok": True, "lang": "program"}
    lang = "python%d.%d" % sys.version_info[:2]
    lay_over(import_root)
    wanted = request.get("entry")
    if wanted == "script":
        way = "script"
    if way == "script":
        return {"ok": True, "lang": lang}
    sys.argv = [target]
    try:
        watching = True
        loaded = load(module)
        watching = False
        entry = find_entry(loaded, wanted)
        made(loaded, entry)
        params = parameters(loaded, entry)
    except BaseException as error:
        watching = False
        if isinstance(error, NoEntry) and not wanted and is_script():
            way = "script"
            return {"ok": True, "lang": lang, "load_effects": told_effects()}
        at = "no_entry" if isinstance(error, NoEntry) else stage
        return {"ok": False, "stage": at, "error": told_error(error), "denied": denials(error)}
    answer = {
        "ok": True, "lang": lang, "method": entry[1], "class": entry[0].__name__ if entry[0] else None,
        "params": params, "load_ms": round((time.monotonic() - began) * 1000), "load_effects": told_effects(),
    }
    effects.clear()
    return answer


def is_script():
    with usual_open(copy, "rb") as file:
        return b"__main__" in file.read()


def requests():
    rest = b""
    while True:
        line, found, after = rest.partition(b"\n")
        if found:
            rest = after
            yield json.loads(line)
            continue
        got = os.read(channel, 1 << 20)
        if not got:
            return
        rest += got


def tell(answer):
    line = json.dumps(answer).encode() + b"\n"
    while line:
        line = line[os.write(channel, line):]


os.environ.update(TZ="UTC", LC_ALL="C.UTF-8")
time.tzset()
sys.path[:] = [it for it in sys.path if it]
for request in requests():
    if request["op"] == "bye":
        break
    if request["op"] == "hello":
        tell(hello(request))
        continue
    try:
        tell(call(request))
    except Exception as error:
        tell({"id": request["id"], "status": "unable", "error": told_error(error)})
os._exit(0)
