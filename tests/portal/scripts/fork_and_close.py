"""A transport that the child collects, which closes it there, still serves the parent."""

import asyncio
import os
import warnings

from discobase.portal import Portal

warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)
warnings.filterwarnings("ignore", category=ResourceWarning)


async def connect():
    gone = asyncio.Event()

    async def answer(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()
        gone.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, gone, *await asyncio.open_connection(*server.sockets[0].getsockname())


async def ask(reader, writer, line):
    writer.write(line)
    return await reader.readline()


async def disconnect(server, gone, writer):
    writer.close()
    await gone.wait()
    server.close()
    await server.wait_closed()


portal = Portal()
portal.start()
server, gone, reader, writer = portal.call(connect)
child = os.fork()
if child == 0:
    transport = writer.transport
    del writer
    transport.close()
    os._exit(7)
print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("parent:", portal.call(ask, reader, writer, b"still connected\n", timeout=5))
portal.call(disconnect, server, gone, writer)
portal.stop()
