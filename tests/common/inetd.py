"""Runs a program for each connection, with it as input and output: ADDRESS PORT PROGRAM..."""

import os
import signal
import socket
import sys

address, port, *program = sys.argv[1:]
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
server = socket.create_server((address, int(port)))
while True:
    client, _ = server.accept()
    if os.fork() == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in range(3):
            os.dup2(client.fileno(), number)
        os.execvp(program[0], program)
    client.close()
