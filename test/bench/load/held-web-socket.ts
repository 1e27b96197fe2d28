import net from 'node:net';

const HANDSHAKE = Buffer.from(
  'GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
);

export interface HeldWebSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort?: number;
  readonly timeoutMs: number;
}

/** A WebSocket to hold, on a socket of its own; resolves with the reason where there is none in time. */
export function holdWebSocket(options: HeldWebSocketOptions): Promise<net.Socket | string> {
  const { timeoutMs, ...target } = options;
  return new Promise((resolve) => {
    const socket = net.connect(target);
    let reason = 'closed during the handshake';
    let head = '';
    socket.setTimeout(timeoutMs, () => {
      reason = `no answer within ${timeoutMs / 1000} s`;
      socket.destroy();
    });
    const onData = (data: Buffer): void => {
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      if (!head.startsWith('HTTP/1.1 101')) {
        reason = head.split('\r\n')[0]!;
        socket.destroy();
        return;
      }
      socket.off('data', onData);
      socket.off('close', onClose);
      socket.setTimeout(0);
      socket.resume();
      resolve(socket);
    };
    const onClose = (): void => resolve(reason);
    socket.on('data', onData);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.on('close', onClose);
    socket.write(HANDSHAKE);
  });
}
