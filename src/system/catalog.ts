import type { Setting } from './setting.ts';
import { descriptorSettings } from './settings/descriptor-settings.ts';
import { machineSettings } from './settings/machine-settings.ts';
import { networkSettings } from './settings/network-settings.ts';
import { nftablesSettings } from './settings/nftables-settings.ts';
import { portSettings } from './settings/port-settings.ts';
import { socketSettings } from './settings/socket-settings.ts';
import { trackingSettings } from './settings/tracking-settings.ts';

/** Everything that is looked at, in the order in which it is shown. */
export const CATALOG: readonly Setting[] = [
  ...descriptorSettings,
  ...portSettings,
  ...socketSettings,
  ...trackingSettings,
  ...networkSettings,
  ...nftablesSettings,
  ...machineSettings,
];
