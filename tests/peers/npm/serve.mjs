// A tus server that is not ours: @tus/server with its file store. node serve.mjs FOLDER [HOST]; says where it listens.
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const [folder, host] = process.argv.slice(2);
const tus = new Server({ path: "/api/v1/uploads", datastore: new FileStore({ directory: folder }) });
const web = tus.listen({ host: host ?? "127.0.0.1", port: 0 }, () => {
  console.log(`listening on ${web.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
