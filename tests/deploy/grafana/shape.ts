// The shape of the dashboard, by the types that Grafana generates from its own schema. The test writes the
// dashboard below the last line, so that the compiler also refuses names that no type has.

import type { Dashboard, DataQuery, FieldConfigSource, GraphFieldConfig, Panel, RowPanel } from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as SeriesOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has no enums: where Grafana's types name a member of an enum, its text is meant.
type Plain<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number | boolean | null | undefined
      ? T
      : T extends (infer U)[]
        ? Plain<U>[]
        : { [K in keyof T]: Plain<T[K]> };

type Drawn<Kind extends string, Options, Custom> = Omit<Plain<Panel>, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Kind;
  options: Plain<Options>;
  fieldConfig: Plain<FieldConfigSource<Custom>>;
  targets: (Plain<DataQuery> & { expr: string; legendFormat: string })[];
};

type Shipped = Omit<Plain<Dashboard>, "panels"> & {
  panels: (Plain<RowPanel> | Drawn<"timeseries", SeriesOptions, GraphFieldConfig> | Drawn<"stat", StatOptions, object>)[];
};

export const dashboard: Shipped =
