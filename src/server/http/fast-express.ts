import { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express } from 'express';

/** Request and response classes for `http.createServer` that make the given app fast. */
export interface FastClasses {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

/**
 * Express sets the prototype of every request and response, which costs V8 its optimisations: on Node 20 two
 * thirds of the throughput. When the objects are made with that prototype in the first place, setting it changes
 * nothing and costs nothing.
 */
export function createFastExpress(): { app: Express; classes: FastClasses } {
  const app = express();
  class FastRequest extends IncomingMessage {}
  class FastResponse extends ServerResponse {}
  adopt(FastRequest.prototype, express.request, app);
  adopt(FastResponse.prototype, express.response, app);
  app.request = FastRequest.prototype as typeof app.request;
  app.response = FastResponse.prototype as unknown as typeof app.response;
  return {
    app,
    classes: { IncomingMessage: FastRequest, ServerResponse: FastResponse as typeof ServerResponse },
  };
}

/** Gives a prototype Express's methods and accessors, and the app they look up their settings in. */
function adopt(prototype: object, methods: object, app: Express): void {
  Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(methods));
  Object.defineProperty(prototype, 'app', {
    configurable: true,
    enumerable: true,
    writable: true,
    value: app,
  });
}
