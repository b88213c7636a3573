import { createServer } from 'node:net';

/** Below the ports that the kernel gives to outgoing connections, any of which may take a port between asking and use. */
const [LOWEST, HIGHEST] = [12_000, 32_000];

/** A TCP port that was free a moment ago on every address, and that only another caller of this could take meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
