# Compiles the Python files named on standard input (a name for the result and a
# path, each ended by a zero byte) into a directory, by as many processes as there
# are processors. What can't be compiled, such as a template of code, gives an empty
# file. The results are good whatever the time of their source: that never changes.
import os
import py_compile
import sys
import warnings

out = sys.argv[1]
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
words = [os.fsdecode(word) for word in sys.stdin.buffer.read().split(b"\0")[:-1]]
pairs = list(zip(words[0::2], words[1::2]))
count = max(1, min(len(os.sched_getaffinity(0)), len(pairs) // 16))
warnings.simplefilter("ignore")

with open(os.path.join(out, "tag"), "w") as tag:
    tag.write(sys.implementation.cache_tag)

mine, children = 0, []
for worker in range(1, count):
    child = os.fork()
    if child == 0:
        mine, children = worker, []
        break
    children.append(child)
for name, path in pairs[mine::count]:
    made = os.path.join(out, name)
    try:
        # Importing puts the path in which it finds the source in the place of this one.
        py_compile.compile(path, made, dfile=os.path.basename(path), doraise=True, invalidation_mode=unchecked)
    except MemoryError:
        pass
    except Exception:
        open(made, "w").close()
for child in children:
    os.waitpid(child, 0)
