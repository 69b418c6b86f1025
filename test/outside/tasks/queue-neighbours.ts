import { spawn } from 'node:child_process';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import type { JobQueueOptions } from '../../../src/outside/tasks/job-queues';
import { compiledProgram } from '../../harness/program';

/** A process that takes one job of a name and never ends it. */
export async function startStuckWorker(name: string, options: Omit<JobQueueOptions, 'onError'>) {
  const program = await compiledProgram();
  const queues = join(program, 'src/outside/tasks/job-queues.js');
  const script = `
    const { openJobQueues } = require(${JSON.stringify(queues)});
    const options = JSON.parse(process.argv[1]);
    const queues = openJobQueues({ ...options, onError: (e) => console.error(e) });
    queues.work(${JSON.stringify(name)}, 1, (id) => {
      console.log(id);
      return new Promise(() => undefined);
    });`;
  const child = spawn(process.execPath, ['-e', script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise((done) => child.on('close', done));
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  return { output: () => text, kill };
}

/** Accepts connections and says nothing. */
export async function silentServer(): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const close = async () => {
    const closed = new Promise((done) => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}
