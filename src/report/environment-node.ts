/** Where and how a program runs, for a report of what it did. */
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';

/** As a shell would take it. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;

/** The version of this package. */
export function versionOf(): string {
  const value: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return typeof value === 'object' && value !== null && 'version' in value ? String(value.version) : 'unknown';
}

/** The machine, the versions and the command of this process. */
export function environmentOf(): Record<string, string> {
  const processors = cpus();
  const [program = '', ...args] = process.argv.slice(1);
  const command = /[\\/]cli[\\/]main\.js$/.test(program) ? 'quern' : `node ${quoted(program)}`;
  return {
    command: [command, ...args.map(quoted)].join(' '),
    processor: `${processors.length} × ${processors[0]?.model.trim() || 'unknown'}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${platform()} ${release()} ${arch()}`,
    versions: `Quern ${versionOf()}, Node ${process.versions.node}, V8 ${process.versions.v8}`,
    written: new Date()
      .toISOString()
      .replace('T', ' ')
      .replace(/\.\d+Z$/, ' UTC'),
  };
}
