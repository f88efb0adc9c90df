# Says whether a file compiles; nothing of it is executed. argv: mark, the copy to read, the name to say.
import json
import sys

mark, copy, name = sys.argv[1:4]
problem = None
try:
    with open(copy, "rb") as file:
        compile(file.read(), name, "exec", 0, True)
except SyntaxError as error:
    problem = {"line": error.lineno, "column": error.offset, "message": error.msg}
except (ValueError, OverflowError, RecursionError, MemoryError) as error:
    problem = {"line": None, "column": None, "message": str(error) or type(error).__name__}
print("\n" + mark + " " + json.dumps({"stage": "compile" if problem else "compiled", "problem": problem}))
