"""Serves beside an asyncio loop."""

import asyncio
from wsgiref.simple_server import demo_app

import maitred


async def main() -> str:
    """Serve while the loop runs."""
    async with maitred.create_server(demo_app, port=0) as server:
        await asyncio.sleep(0)
        return server.url


print(asyncio.run(main()).upper())
