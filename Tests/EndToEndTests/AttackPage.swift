/// A page that tries what pages can: every way to send something to `target`, and to read something of it.
///
/// It ends with `document.title` "done" and the list `gained` of what it could read or open.
enum AttackPage {
    /// The page, and one that holds it in a sandboxed frame, whose origin is `null`.
    static let pages = ["/attack": page, "/frame": frame]

    private static let frame = """
        <!doctype html><title>frame</title><body><script>
        addEventListener("message", event => { window.gained = event.data; document.title = "done"; });
        const frame = document.createElement("iframe");
        frame.setAttribute("sandbox", "allow-scripts allow-forms allow-popups");
        frame.src = "/attack" + location.search;
        document.body.append(frame);
        </script></body>
        """

    private static let page = """
        <!doctype html><title>attack</title><body><script>
        const target = new URLSearchParams(location.search).get("target");
        const sweep = "name: evil\\ntrainer: { command: [\\"true\\"] }\\nseeds: [1]\\ngroups: [ { list: [ { lr: 1 } ] } ]\\n";
        const calls = [
          ["/v1/sweeps", { key: "0123456789abcdef0123456789abcdef", inputs: [], bundle: { fileName: "e", text: \
          sweep, files: {}, inputs: {} } }],
          ["/v1/actions", { action: "cancel", target: "victim" }],
          ["/v1/tokens", { scope: "admin", note: "evil" }],
          ["/v1/worker/sessions", { worker: "evil", name: "evil", session: "0123456789abcdef0123456789abcdef", slots: 1, threads: 1,
            labels: {}, gpus: 0, memory: 0, version: "" }],
          ["/v1/workers/drain", { worker: "evil", drain: true }], ["/v1/links", {}], ["/v1/ledger/backup", {}], ["/logout", {}],
        ];
        const pause = ms => new Promise(done => setTimeout(done, ms));
        const within = promise => Promise.race([promise, pause(4000)]);
        const gained = [];

        function form(path, body, type) {
          const name = "f" + Math.random();
          const frame = document.createElement("iframe");
          frame.name = name;
          const form = document.createElement("form");
          Object.assign(form, { method: "post", action: target + path, enctype: type, target: name });
          // As plain text the field is NAME=VALUE: JSON with a member more.
          const field = document.createElement("input");
          field.name = JSON.stringify(body).slice(0, -1) + (Object.keys(body).length ? "," : "") + "\\"x\\":\\"";
          field.value = "\\"}";
          form.append(field);
          document.body.append(frame, form);
          const ended = new Promise(done => { frame.onload = done; });
          form.submit();
          return within(ended).then(() => {
            try { if (frame.contentDocument.body.innerText.includes("{")) gained.push("form " + path); } catch {}
          });
        }
        async function call(path, options, label) {
          try {
            const answer = await within(fetch(target + path, { credentials: "include", ...options }));
            if (answer && answer.type !== "opaque" && answer.type !== "opaqueredirect") gained.push(label + " " + path);
          } catch {}
        }
        function socket(path) {
          return within(new Promise(done => {
            const socket = new WebSocket(target.replace("http", "ws") + path);
            socket.onopen = () => { gained.push("socket " + path); done(); };
            socket.onerror = socket.onclose = done;
          }));
        }
        function element(tag, path) {
          return within(new Promise(done => {
            const element = document.createElement(tag);
            element.onload = () => { if (tag !== "iframe") gained.push(tag + " " + path); done(); };
            element.onerror = done;
            if (tag === "link") { element.rel = "stylesheet"; element.href = target + path; } else element.src = target + path;
            document.body.append(element);
          })).then(() => {
            for (const frame of document.querySelectorAll("iframe")) {
              try { if (frame.contentDocument.body.innerText.includes("victim")) gained.push("frame " + path); } catch {}
            }
          });
        }
        async function popup(path) {
          const other = open(target + path);
          if (!other) return;
          await pause(1000);
          try { if (other.document.body.innerText.includes("victim")) gained.push("popup " + path); } catch {}
          try { if (other.sessionStorage.length) gained.push("storage " + path); } catch {}
          try { if (other.localStorage.length) gained.push("local storage " + path); } catch {}
          other.close();
        }
        (async () => {
          const all = [];
          for (const [path, body] of calls) {
            const text = JSON.stringify(body);
            for (const type of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) all.push(form(path, body, type));
            for (const mode of ["cors", "no-cors"]) {
              all.push(call(path, { method: "POST", mode, body: text, headers: { "Content-Type": "text/plain" } }, mode));
              all.push(call(path, { method: "POST", mode, body: new Blob([text]) }, mode));
              all.push(call(path, { method: "POST", mode, body: text, headers: { "Content-Type": "application/json" } }, mode));
            }
            all.push(call(path, { method: "POST", mode: "cors", body: text, headers: { "Content-Type": \
            "application/json", "Radiata-Page": "x" } }, "page"));
            navigator.sendBeacon(target + path, text);
          }
          for (const path of ["/", "/v1/sweeps", "/v1/status?sweep=", "/v1/jobs", "/open?code=0", "/login"]) {
            for (const mode of ["cors", "no-cors"]) all.push(call(path, { mode }, mode));
            all.push(call(path, { mode: "no-cors", redirect: "manual" }, "manual"));
            for (const tag of ["script", "img", "link", "iframe"]) all.push(element(tag, path));
            all.push(socket(path));
          }
          all.push(call("/v1/jobs", { method: "DELETE" }, "delete"), call("/v1/blobs/0/chunks/0", { method: "PUT", body: "x" }, "put"));
          await Promise.all(all);
          for (const path of ["/", "/v1/sweeps"]) await popup(path);
          window.gained = gained;
          document.title = "done";
          parent.postMessage(gained, "*");
        })();
        </script></body>
        """
}
