import type { Static } from 'typebox';
import { Type } from '../../config/typebox.ts';
import type { PortForecast } from '../../lb/forecast/forecaster.ts';

export const Forecast = Type.Object(
  {
    /** Null: never. */
    exhaustion_seconds: Type.Union([Type.Number(), Type.Null()]),
    leases_per_second: Type.Number(),
    /** How long a port is held; null while none was seen to come back. */
    hold_seconds: Type.Union([Type.Number(), Type.Null()]),
    /** Addresses that the pool needs besides its own for this destination. */
    add_addresses: Type.Integer(),
  },
  { title: 'Forecast' },
);

/** JSON has no Infinity. */
export const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

export function jsonForecast(forecast: PortForecast): Static<typeof Forecast> {
  return {
    exhaustion_seconds: finiteOrNull(forecast.exhaustionSeconds),
    leases_per_second: forecast.leaseRate,
    hold_seconds: finiteOrNull(forecast.holdSeconds),
    add_addresses: forecast.addAddresses,
  };
}

/** What a forecast and a row of ports are matched by. */
export function forecastKey(pair: {
  readonly pool: string;
  readonly source?: string;
  readonly destination: string;
}): string {
  return `${pair.pool}\n${pair.source ?? ''}\n${pair.destination}`;
}
