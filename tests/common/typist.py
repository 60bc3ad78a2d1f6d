"""Types at a program as a person does, at a terminal: PROGRAM PROMPT TEXT [PROMPT TEXT]...

Each text is typed, and a return behind it, when its prompt stands there. Code 1 when
the program says that something is incorrect, 2 when it ends too early.
"""

import os
import pty
import sys

program, *talk = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(program.split()[0], program.split())

for prompt, text in zip(talk[::2], talk[1::2]):
    said = b""
    while prompt.encode() not in said:
        try:
            said += os.read(terminal, 1)
        except OSError:
            sys.exit(2)
        if b"incorrect" in said:
            sys.exit(1)
    os.write(terminal, text.encode() + b"\r")
# What it still says tells that the last line has arrived.
try:
    while os.read(terminal, 1024):
        pass
except OSError:
    pass
