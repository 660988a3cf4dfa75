// A worker whose vitest is gone, or that is interrupted with it, would run its test to the end, or end without ending the servers that it
// has started. Now it does what it does at its end, and goes. Nobody may call process.exit while vitest runs a test.
function leave(): void {
  process.emit('exit', 1);
  process.kill(process.pid, 'SIGKILL');
}

process.once('disconnect', leave);
process.once('SIGINT', leave);
