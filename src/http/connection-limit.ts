import type { Server, Socket } from 'node:net';
import { networkOf } from './address-limit';
import type { HttpLimits } from './http-limits';

/**
 * Bounds the connections that a server has at once, and those that one address has of them: who
 * holds many and does nothing with them shuts out nobody but himself. One more is closed at once.
 */
export function boundConnections(
  server: Server,
  { maxConnections, connectionsPerAddress = Infinity }: HttpLimits,
): void {
  server.maxConnections = maxConnections;
  const counts = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? '');
    const count = counts.get(network) ?? 0;
    if (count >= connectionsPerAddress) {
      socket.destroy();
      return;
    }
    counts.set(network, count + 1);
    socket.once('close', () => {
      const others = counts.get(network)! - 1;
      if (others > 0) counts.set(network, others);
      else counts.delete(network);
    });
  });
}
