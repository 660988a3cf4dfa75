import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { expect, test } from 'vitest';
import { createDashboardRoutes } from '../../../src/server/http/dashboard-routes.ts';

test('the page may open the streams of the nodes, and one that is registered with no address does not end it', async () => {
  const directory = fileURLToPath(new URL('../../../dashboard', import.meta.url));
  const nodeUrls = (): string[] => [
    'http://10.0.0.1:8080/seqd',
    '',
    'nowhere',
    'berlin-1:8080',
    'foo://h:1',
    'https://b.example',
  ];
  const server = createServer(express().use('/dashboard', createDashboardRoutes({ directory, nodeUrls })));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const page = await fetch(`http://127.0.0.1:${port}/dashboard/`);
  await page.text();
  server.closeAllConnections();
  server.close();
  expect(page.status).toBe(200);
  const policy = page.headers.get('content-security-policy')?.split(';');
  expect(policy).toContain("connect-src 'self' ws://10.0.0.1:8080 wss://b.example");
});
