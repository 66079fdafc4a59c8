// A dozen shapes on a grid of 24. Each is told from the others by its outline alone, without its colour.
const SHAPES = {
  record: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z",
  stop: "M5 5h14v14H5Z",
  pause: "M6 4h4v16H6ZM14 4h4v16h-4Z",
  resume: "M7 3.5 20 12 7 20.5Z",
  mark: "M5 2h2v1h12l-3.5 5L19 13H7v9H5Z",
  check: "m9.2 19.6-6.4-6.4 2.4-2.4 4 4L18.8 5.200l2.4 2.400Z",
  warning: "M12 2 23 21H1ZM10.9 8.500l.3 6.500h1.600l.3-6.500ZM12 16.400a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.600Z",
  error: "M7.7 1.500h8.600l6.2 6.200v8.600l-6.2 6.200H7.700l-6.2-6.200V7.700ZM8.7 7 7 8.700l3.3 3.300L7 15.3 8.7 17l3.3-3.3 3.3 3.3 1.7-1.7-3.3-3.300L17 8.7 15.3 7 12 10.300Z",
  ready: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 2.500a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 2.500a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Zm-1.100 2v5.100l3.4 2.600 1.3-1.700-2.600-2v-4Z",
  disk: "M3 4h18v16H3Zm2.5 2.500v6.500h13V6.500Zm10 9v2h3v-2Z",
  send: "M10.7 21V8.300l-4.4 4.400L4.5 11 12 3.500l7.5 7.5-1.8 1.7-4.4-4.400V21Z",
  language: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.100 2.400V11H7.600c.2-3 1.500-5.600 3.300-6.600Zm2.200 0c1.800 1 3.100 3.600 3.300 6.600h-3.300ZM7.200 5.600C6.300 7 5.700 8.900 5.600 11H4.100a8 8 0 0 1 3.100-5.400Zm9.600 0a8 8 0 0 1 3.100 5.400h-1.500c-.1-2.100-.7-4-1.600-5.400ZM4.100 13h1.500c.1 2.100.7 4 1.600 5.400A8 8 0 0 1 4.100 13Zm3.500 0h3.300v6.600C9.100 18.600 7.800 16 7.600 13Zm5.500 0h3.300c-.2 3-1.500 5.600-3.300 6.600Zm5.300 0h1.500a8 8 0 0 1-3.100 5.400c.9-1.400 1.500-3.300 1.600-5.400Z",
  person: "M12 3a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9ZM3 21c0-4.500 4-7 9-7s9 2.500 9 7Z",
  back: "M8.500 5H22v14H8.500L1.500 12ZM11.900 8.200l-1.700 1.700 2.100 2.100-2.100 2.100 1.700 1.700 2.100-2.100 2.100 2.100 1.700-1.700-2.100-2.100 2.100-2.100-1.700-1.700-2.100 2.100Z",
  keyboard: "M1.500 5h21v14h-21ZM4 7.500v2.400h2.400V7.500Zm4.400 0v2.400h2.400V7.500Zm4.800 0v2.400h2.400V7.500Zm4.400 0v2.400H20V7.500ZM4 11.300v2.400h2.400v-2.400Zm4.400 0v2.400h2.400v-2.400Zm4.800 0v2.400h2.400v-2.400Zm4.400 0v2.400H20v-2.400ZM6.400 15.100v1.900h11.200v-1.900Z",
  microphone: "M12 2a3.5 3.5 0 0 0-3.5 3.500v6a3.5 3.5 0 0 0 7 0v-6A3.5 3.5 0 0 0 12 2ZM5 11.500h2.200a4.8 4.8 0 0 0 9.6 0H19a7 7 0 0 1-5.9 6.900V22h-2.200v-3.600A7 7 0 0 1 5 11.500Z",
  close: "M6.200 4 12 9.800 17.800 4 20 6.200 14.200 12 20 17.800 17.800 20 12 14.200 6.200 20 4 17.800 9.800 12 4 6.200Z",
  less: "M4 10.500h16v3H4Z",
  more: "M10.500 4h3v6.500H20v3h-6.500V20h-3v-6.500H4v-3h6.500Z",
  power: "M10.800 2h2.400v10h-2.400ZM7.300 5.200l1.300 2a6 6 0 1 0 6.800 0l1.300-2a8.400 8.400 0 1 1-9.400 0Z",
  room: "M3 4h18v11H3Zm2.400 2.400v6.200h13.200V6.400ZM8 18h8v2.400H8Z",
  camera: "M3 7h4l1.500-2.500h7L17 7h4v12H3Zm9 2a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0 2.300a1.700 1.700 0 1 1 0 3.400 1.700 1.700 0 0 1 0-3.400Z",
  setup: "M3 5.500h8v-2h3v6h-3v-2H3ZM16 5.500h5v2h-5ZM3 16.500h3v-2h3v6H6v-2H3ZM11 16.500h10v2H11Z",
  test: "M4 3h16v18H4Zm2.400 2.400v13.200h11.200V5.400ZM10.800 16.500 7.300 13l1.600-1.600 1.900 1.900 4.300-4.300 1.600 1.600Z",
};

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {keyof typeof SHAPES} Shape */

/** @param {Shape} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** The ring around Stop: the outer circle stands, the inner one fills while it is held. */
export function ring() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 64 64");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "ring");
  for (const name of ["ring-track", "ring-fill"]) {
    const circle = document.createElementNS(SVG, "circle");
    circle.setAttribute("class", name);
    circle.setAttribute("cx", "32");
    circle.setAttribute("cy", "32");
    circle.setAttribute("r", "28");
    circle.setAttribute("pathLength", "1");
    svg.append(circle);
  }
  const square = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x: 22, y: 22, width: 20, height: 20, rx: 2 })) {
    square.setAttribute(name, String(value));
  }
  svg.append(square);
  return svg;
}
