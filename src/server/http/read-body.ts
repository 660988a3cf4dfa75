import type { IncomingMessage } from 'node:http';
import { SeqdError } from '../../core/errors.ts';

/**
 * Reads a small JSON object, for the one route on which a general body parser's work would be felt.
 *
 * @throws SeqdError `malformed_body`, `body_too_large`, `unsupported_media_type`; the rest of a body that is too large
 *   is not read, so the connection must be closed then
 */
export async function readJsonObject(
  request: IncomingMessage,
  bytesMax: number,
): Promise<Record<string, unknown>> {
  const refusal = refuseHeaders(request, bytesMax);
  if (refusal !== undefined) {
    request.resume();
    throw refusal;
  }
  return parse(await readBytes(request, bytesMax));
}

function readBytes(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      const before = bytes;
      bytes += chunk.length;
      // What comes beyond the limit is read and forgotten; the answer need not wait for it.
      if (bytes <= bytesMax) chunks.push(chunk);
      else if (before <= bytesMax) reject(tooLarge(bytesMax));
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.on('error', cause => reject(new SeqdError('malformed_body', 'The body ended early', { cause })));
  });
}

/** What the headers alone say against the body. */
function refuseHeaders({ headers }: IncomingMessage, bytesMax: number): SeqdError | undefined {
  const type = headers['content-type'];
  const length = headers['content-length'];
  if (length === '0' || (length === undefined && headers['transfer-encoding'] === undefined)) {
    return new SeqdError('malformed_body', 'A JSON body is required');
  }
  if (type !== 'application/json' && !/^application\/json\s*(;|$)/i.test(type ?? '')) {
    return new SeqdError('unsupported_media_type', 'The body must be sent as application/json');
  }
  const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(type ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    return new SeqdError('unsupported_media_type', `The charset must be UTF-8, not ${charset}`);
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    return new SeqdError('unsupported_media_type', `The body must not be compressed (${encoding})`);
  }
  return length !== undefined && Number(length) > bytesMax ? tooLarge(bytesMax) : undefined;
}

function parse(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) throw new SeqdError('malformed_body', 'A JSON body is required');
  let body: unknown;
  try {
    body = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new SeqdError('malformed_body', `The body is not valid JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new SeqdError('malformed_body', 'The body must be a JSON object');
}

function tooLarge(limitBytes: number): SeqdError {
  return new SeqdError('body_too_large', `The body is larger than ${limitBytes} bytes`, {
    details: { limitBytes },
  });
}
