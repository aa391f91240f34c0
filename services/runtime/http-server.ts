/**
 * Node's own HTTP server. A usual import of that module also makes its WebSocket, for which Node loads an HTTP client
 * and HTTP/2: a quarter of the processor time of a start, and what scales with reads is to start soon.
 */
export const { createServer } = process.getBuiltinModule('node:http');
