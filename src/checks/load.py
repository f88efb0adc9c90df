# Imports a module as it will stand: staged copies are read where their files are to be. argv: mark, the import root, the
# file's path, the module's name or nothing, then pairs of a path and its copy (nothing: the file goes). `overlay.py`
# stands before this.
mark, root, target, module = sys.argv[1:5]
staged.update(zip(sys.argv[5::2], sys.argv[6::2]))
out = os.dup(1)


def answer(problem):
    sys.stdout.flush()
    sys.stderr.flush()
    done = {"stage": stage if problem else "loaded", "problem": problem}
    os.write(out, ("\n" + mark + " " + json.dumps(done) + "\n").encode())


def line_of(error):
    if isinstance(error, SyntaxError) and error.filename == target:
        return error.lineno
    lines = [it.lineno for it in traceback.extract_tb(error.__traceback__) if it.filename == target]
    return lines[-1] if lines else None


lay_over(root)
sys.argv = [target]
problem = None
try:
    load(module)
except BaseException as error:
    traceback.print_exc()
    said = traceback.format_exception_only(type(error), error)[-1].strip()
    problem = {"line": line_of(error), "column": None, "message": said[:500]}
answer(problem)
# Threads and what is to be done at the exit have nobody to wait for them.
os._exit(0)
