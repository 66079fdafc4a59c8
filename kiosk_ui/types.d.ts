// What the room's API says, for the checks of the panel's scripts (tsc --checkJs); never sent to a browser. Each `…View`
// has the fields of the class of that name in appliance/api/views.py, which a test compares.

interface ProblemView {
  code: string;
  detail: string;
  facts: Values;
}

/** Figures and names of a sentence. */
type Values = Record<string, any>;

interface RoomView {
  name: string;
  institution: string;
  language: string;
  languages: string[];
}

interface LessonView {
  id: string;
  title: string;
  started: number;
  elapsed: number;
  marks: number;
  gaps: number;
  teacher: string;
}

interface SourceView {
  id: string;
  kind: string;
  media: "video" | "audio";
  label: string;
  driver: string;
  state: "idle" | "starting" | "recording" | "stalled" | "lost";
  bytes: number;
  last_byte_age: number | null;
  rms_db: number | null;
  peak_db: number | null;
  problem: ProblemView | null;
  heard: boolean;
  late_fragments: number;
}

interface DiskView {
  free_bytes: number;
  total_bytes: number;
  hours_left: number;
}

interface SyncView {
  server: string | null;
  last_contact: number | null;
  problem: string | null;
  lessons_total: number;
  lessons_waiting: number;
  bytes_total: number;
  bytes_sent: number;
}

interface HealthView {
  code: string;
  level: "ok" | "warning" | "error";
  facts: Values;
}

interface SelfTestView {
  at: number;
  sources: number;
  wrong: Record<string, string>;
}

interface MakingView {
  lesson: string;
  done: number;
  of: number;
}

interface LastView {
  id: string;
  title: string;
  seconds: number;
  state: string;
  bytes: number;
  sent: number;
  receipted: boolean;
}

interface LampView {
  id: string;
  label: string;
  shown: "off" | "recording" | "paused" | "problem" | null;
  problem: ProblemView | null;
}

interface RemoteView {
  verb: string;
  by: string;
  command: string;
  lesson: string;
  at: number;
}

interface EventView {
  title: string;
  begin: number;
  end: number;
}

interface TimetableView {
  follows: boolean;
  now: EventView | null;
  next: EventView | null;
  lesson: string | null;
  ends: number | null;
  problem: ProblemView | null;
}

interface FixtureView {
  id: string;
  kind: "panel" | "ptz";
  label: string;
  can: string[];
  power: "on" | "off" | "warming" | "cooling" | null;
  input: string | null;
  inputs: string[];
  volume: number | null;
  mute: boolean | null;
  freeze: boolean | null;
  blank: boolean | null;
  presets: string[];
  pictures: Record<string, string>;
  problem: ProblemView | null;
  telling: boolean;
  untold: ProblemView | null;
}

interface SceneView {
  name: string;
  playing: boolean;
  done: boolean;
  untold: string[];
}

interface StatusView {
  room: RoomView;
  version: string;
  now: number;
  state: "starting" | "ready" | "recording" | "paused" | "stopping" | "cannot-record";
  lesson: LessonView | null;
  sources: SourceView[];
  disk: DiskView;
  held_seconds: number;
  undo_seconds: number;
  sync: SyncView;
  health: HealthView;
  last: LastView | null;
  making: MakingView | null;
  selftest: SelfTestView | null;
  testing: boolean;
  fixtures: FixtureView[];
  scenes: SceneView[];
  lamps: LampView[];
  muted: boolean;
  occupied: boolean | null;
  remote: RemoteView | null;
  timetable: TimetableView | null;
  who: WhoView | null;
  first_boot: boolean;
}

interface WhoView {
  name: string;
}

interface SessionView {
  token: string;
  seconds: number;
}

interface FindingView {
  what: string;
  level: "ok" | "warning" | "error";
  fact: string;
  why: string;
  advice: string;
}

interface StickView {
  path: string;
  free: number;
  total: number;
}

interface ExportView {
  path: string;
  state: "running" | "done" | "failed";
  bytes: number;
  left: number;
  said: string;
}

interface LogView {
  at: number;
  level: string;
  text: string;
}

interface ItView {
  seconds: number;
  host: string;
  addresses: string[];
  sticks: StickView[];
  export: ExportView | null;
  log: LogView[];
}

interface ChosenView {
  key: string;
  kind: string;
  title: string;
}

interface CandidateView {
  key: string;
  kind: string;
  driver: string;
  title: string;
  source: string;
  problem: ProblemView | null;
  chosen: boolean;
}

interface SetupView {
  first_boot: boolean;
  language: string | null;
  name: string | null;
  suggested: string;
  devices: ChosenView[] | null;
  server: string | null;
  later: boolean;
  pin: boolean;
}

interface TierView {
  tier: string;
  bytes: number;
  sent: number;
  receipted: boolean;
  refused: boolean;
  done_by: number | null;
  waiting_for: string | null;
}

interface DeliveryView {
  id: string;
  title: string;
  started: number;
  seconds: number;
  tiers: TierView[];
  kept_here: boolean;
}

interface DeliveriesView {
  done_by: number | null;
  lessons: DeliveryView[];
  older: number;
}

/** Each language's sentence by key, or the forms of a plural by their names. */
type Messages = Record<string, string | Record<string, string>>;

/** The panel's faces: see js/mode.js. */
type Link = "open" | "doubt" | "lost";
type Mode = StatusView["state"] | "waking" | "lost" | "doubt" | "ended" | "kept";
