import { defaults, type MachineConfiguration, nameFrom } from '../configuration/configuration.ts';
export interface LaunchConfiguration {
  readonly domains: readonly MachineConfiguration[];
  readonly symbols: readonly string[];
  readonly sourceMap: Readonly<Record<string, string>>;
  readonly stopOnEntry: boolean;
  readonly console: 'terminal' | 'debugConsole';
  readonly trace: boolean;
}
export function validateLaunch(args: unknown): LaunchConfiguration {
  const a = args as Record<string, never>;
  return {
    domains: [
      {
        name: nameFrom(a['kernel'] ?? ''),
        uuid: undefined,
        kernel: a['kernel'] ?? '',
        ramdisk: undefined,
        commandLine: a['commandLine'] ?? '',
        memory: a['memory'] ?? 32,
        maxMemory: a['memory'] ?? 32,
        vcpus: a['vcpus'] ?? 1,
        maxVcpus: a['vcpus'] ?? 1,
        disks: [],
        networks: [],
        onEnd: defaults.onEnd,
        profile: 'auto',
        model: 'auto',
      },
    ],
    symbols: [],
    sourceMap: a['sourceMap'] ?? {},
    stopOnEntry: a['stopOnEntry'] ?? false,
    console: 'debugConsole',
    trace: false,
  };
}
