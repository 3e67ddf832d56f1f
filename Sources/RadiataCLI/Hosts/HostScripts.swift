import Foundation

/// What is run on a host over SSH: POSIX shell, given on standard input, so that nothing of it is seen in a
/// list of processes.
struct HostScripts {
    let host: HostList.Host
    /// First digits of the SHA-256 of what is copied.
    let version: String
    /// Name of the coordinator, as a part of file names: one host may serve several.
    let coordinator: String

    /// Begins every script: the folder, absolute.
    private var head: String {
        """
        set -eu
        umask 077
        cd "$HOME"
        mkdir -p \(ShellWord.quoted(host.folder))
        cd \(ShellWord.quoted(host.folder))
        base="$PWD"
        work="$base/work-\(coordinator)"
        unit="radiata-worker-\(coordinator).service"
        export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"

        """
    }

    private var program: String {
        host.program.map { "program=\(ShellWord.quoted($0))" } ?? "program=\"$base/\(version)/radiata\""
    }

    /// Says `there` or `missing`, and the machine.
    var probe: String {
        head + """
            \(program)
            if [ -x "$program" ] && "$program" --version > /dev/null 2>&1; then echo there; else echo missing; fi
            uname -sm
            """
    }

    /// A command line for what unpacks the archive on standard input. No secret is in it.
    var unpack: String {
        let script =
            head + """
                rm -rf "$base/\(version).part"
                mkdir "$base/\(version).part"
                tar xzf - -C "$base/\(version).part"
                rm -rf "$base/\(version)"
                mv "$base/\(version).part" "$base/\(version)"
                """
        return "sh -c " + ShellWord.quoted(script)
    }

    /// Whether the worker joined before: says `joined` or `new`.
    var joined: String {
        head + """
            if [ -s "$work/join.json" ]; then echo joined; else echo new; fi
            """
    }

    /// Joins where an invitation is given, writes what keeps the worker running, and starts it.
    func start(invitation: String?) -> String {
        let options = Self.words(host).map(Self.inDocument).joined(separator: " ")
        let unitOptions = Self.words(host).map(Self.inUnit).joined(separator: " ")
        let join =
            invitation.map { "printf '%s\\n' \(ShellWord.quoted($0)) | \"$program\" worker join - --work \"$work\"\n" }
            ?? ""
        return head
            + """
            \(program)
            \(join)cat > "$base/run-\(coordinator)" <<EOF
            #!/bin/sh
            # Keeps the worker running: started again after a failure, not after an end that was asked for.
            child=
            trap 'stopped=1; [ -z "\\$child" ] || kill -TERM "\\$child" 2> /dev/null' TERM INT HUP
            while :; do
                "$program" worker run --work "$work" \(options) &
                child=\\$!
                while :; do
                    status=0
                    wait "\\$child" || status=\\$?
                    kill -0 "\\$child" 2> /dev/null || break
                done
                [ -n "\\${stopped:-}" ] && exit 0
                [ "\\$status" -eq 0 ] && exit 0
                sleep 5 & wait \\$! || true
            done
            EOF
            chmod 700 "$base/run-\(coordinator)"
            if command -v systemctl > /dev/null && systemctl --user show-environment > /dev/null 2>&1; then
                mkdir -p "$HOME/.config/systemd/user"
                cat > "$HOME/.config/systemd/user/$unit" <<EOF
            [Unit]
            Description=Radiata worker (\(coordinator))

            [Service]
            ExecStart="$program" worker run --work "$work" \(unitOptions)
            Restart=on-failure
            RestartSec=5
            KillMode=mixed
            TimeoutStopSec=300

            [Install]
            WantedBy=default.target
            EOF
                loginctl enable-linger > /dev/null 2>&1 || echo "note: it ends when you log out there; loginctl enable-linger keeps it"
                systemctl --user daemon-reload
                systemctl --user enable --quiet "$unit"
                systemctl --user restart "$unit"
                echo started by systemd
            else
                \(Self.stopRunning)
                nohup setsid "$base/run-\(coordinator)" > "$base/log-\(coordinator)" 2>&1 < /dev/null &
                echo $! > "$base/pid-\(coordinator)"
                echo started
            fi
            """
            .replacing("PIDFILE", with: "$base/pid-\(coordinator)")
    }

    /// Ends the worker politely: its trainers save their states, its jobs go back.
    var stop: String {
        head
            + """
            if command -v systemctl > /dev/null && systemctl --user show-environment > /dev/null 2>&1; then
                systemctl --user disable --quiet --now "$unit" 2> /dev/null || true
            fi
            \(Self.stopRunning)
            echo stopped
            """
            .replacing("PIDFILE", with: "$base/pid-\(coordinator)")
    }

    /// Only a process that is the one that was started: its number may belong to another by now.
    private static let stopRunning = """
        if [ -s "PIDFILE" ]; then
            pid=$(cat "PIDFILE")
            if tr '\\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -q "$base/run-"; then
                kill -TERM "$pid" 2> /dev/null || true
                i=0
                while kill -0 "$pid" 2> /dev/null && [ $i -lt 600 ]; do sleep 0.5; i=$((i + 1)); done
            fi
            rm -f "PIDFILE"
        fi
        """

    /// Its token is worth nothing any more.
    var forget: String { head + "rm -f \"$work/join.json\"\n" }

    /// The end of its log, for a worker that does not come.
    var log: String {
        head + """
            journalctl --user -n 20 -u "$unit" --no-pager 2> /dev/null || true
            tail -n 20 "$base/log-\(coordinator)" 2> /dev/null || true
            """
    }

    /// A word for the shell, inside a document that the shell expands before it.
    private static func inDocument(_ word: String) -> String {
        var text = ShellWord.quoted(word)
        for character in ["\\", "$", "`"] { text = text.replacing(character, with: "\\" + character) }
        return text
    }

    /// A word of systemd's, inside such a document.
    private static func inUnit(_ word: String) -> String {
        var text = word
        for (character, twice) in [("\\", "\\\\"), ("\"", "\\\""), ("%", "%%"), ("$", "$$")] {
            text = text.replacing(character, with: twice)
        }
        for character in ["\\", "$", "`"] { text = text.replacing(character, with: "\\" + character) }
        return "\"\(text)\""
    }

    private static func words(_ host: HostList.Host) -> [String] {
        var words = ["--name", host.name]
        func add(_ option: String, _ value: String?) { if let value { words += [option, value] } }
        add("--slots", host.slots.map(String.init))
        add("--threads", host.threads.map(String.init))
        add("--gpus", host.gpus)
        add("--price", host.price.map { "\($0)" })
        add("--exit-when-idle", host.exitWhenIdle)
        add("--stop-after", host.stopAfter)
        for (key, value) in host.labels.sorted(by: { $0.key < $1.key }) { add("--label", "\(key)=\(value)") }
        for folder in host.inputs { add("--inputs", folder) }
        return words
    }
}
