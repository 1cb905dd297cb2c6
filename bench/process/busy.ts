/** A foreign process that keeps a core busy. */
import { spawn } from 'node:child_process';

/** Starts it; what comes back ends it. */
export function keepBusy(): () => void {
  const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  return () => void busy.kill();
}
