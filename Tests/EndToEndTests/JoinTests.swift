import Foundation
import Glibc
import TestSupport
import Testing

/// A second machine, played by a work folder and a state folder of its own, joins a coordinator that others
/// can reach.
@Suite("Joining by one line", .serialized)
struct JoinTests {
    private func sweep(_ house: House, name: String) throws -> String {
        try house.folder.write(
            "\(name).yaml",
            """
            name: \(name)
            trainer:
              command: [sh, -c, "echo '{\\"step\\": 1, \\"loss\\": 1}' > {out}/m.jsonl; : \(name)", "{lr}"]
              metrics: [ { jsonl: "{out}/m.jsonl" } ]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """)
    }

    private func launchAndWait(_ house: House, _ name: String, _ log: String) throws {
        let launched = try house.radiata(["launch", try sweep(house, name: name)])
        try #require(launched.status == 0, "\(launched)")
        try house.eventually("the job of \(name) is done") {
            let done = try house.count("SELECT count(*) FROM jobs WHERE sweep = '\(name)' AND state = 'done'")
            return done == 1 ? nil : house.log(log)
        }
    }

    private func end(_ process: Process) {
        process.terminate()
        process.waitUntilExit()
    }

    @Test("one line lets one machine in; its later starts need none; forgetting it ends that", .timeLimit(.minutes(15)))
    func invitation() throws {
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let invited = try house.radiata(["invite", "--lifetime", "10m", "--address", "127.0.0.1"])
        try #require(invited.status == 0, "\(invited)")
        let invitation = invited.output.trimmingCharacters(in: .newlines)
        #expect(invitation.hasPrefix("radiata-invite-") && !invitation.contains(" "))
        // Another machine: nothing of this one's state is there.
        let elsewhere = ["XDG_STATE_HOME": house.folder.path + "/elsewhere"]
        let work = house.folder.path + "/work"
        let worker = try house.start(
            "first", ["worker", "run", invitation, "--work", work, "--name", "box"], environment: elsewhere)
        try launchAndWait(house, "one", "first")

        // What lasts is in a file that only its user can read, and nowhere that others look.
        let file = work + "/join.json"
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let join = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: file))) as? [String: Any])
        let token = try #require(join["token"] as? String)
        for name in ["cmdline", "environ"] {
            let data = try #require(FileManager.default.contents(atPath: "/proc/\(worker.processIdentifier)/\(name)"))
            #expect(data.range(of: Data(token.utf8)) == nil, "\(name)")
        }
        end(worker)

        let second = try house.start(
            "second", ["worker", "run", "--work", work, "--name", "box"], environment: elsewhere)
        try launchAndWait(house, "two", "second")
        end(second)
        // Its unit file may hold the invitation: used by this very folder it is taken for what it is.
        let third = try house.start(
            "third", ["worker", "run", invitation, "--work", work, "--name", "box"], environment: elsewhere)
        try launchAndWait(house, "three", "third")
        end(third)

        let stranger = try RadiataProgram.run(
            ["worker", "run", invitation, "--work", house.folder.path + "/stranger"], environment: elsewhere)
        #expect(stranger.status == 1 && stranger.messages.contains("used already"), "\(stranger)")

        #expect(try house.count("SELECT count(*) FROM worker") == 1)
        let forgotten = try house.radiata(["workers", "forget", "box"])
        #expect(forgotten.status == 0, "\(forgotten)")
        let refused = try RadiataProgram.run(["worker", "run", "--work", work], environment: elsewhere)
        #expect(refused.status == 1 && refused.messages.contains("radiata invite"), "\(refused)")
    }

    @Test("a damaged invitation, and one whose coordinator is nowhere, are told apart")
    func badInvitations() throws {
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let invited = try house.radiata(["invite", "--format", "json"])
        let answer = try #require(
            try JSONSerialization.jsonObject(with: Data(invited.output.utf8)) as? [String: Any])
        let invitation = try #require(answer["invitation"] as? String)
        #expect((answer["addresses"] as? [String])?.allSatisfy { $0.hasPrefix("https://") } == true)
        let work = ["--work", house.folder.path + "/work"]
        for text in [String(invitation.dropLast(2)), "radiata-invite-", "hello"] {
            let ended = try RadiataProgram.run(["worker", "run", text] + work)
            #expect(ended.status == 2 && ended.messages.contains("radiata invite"), "\(text): \(ended)")
        }
        house.slay(try #require(house.coordinator))
        let ended = try RadiataProgram.run(["worker", "run", invitation] + work)
        #expect(ended.status == 4 && ended.messages.contains("not found at any of its addresses"), "\(ended)")
    }

    @Test("a worker that has nothing to do goes, and a machine's end is made use of", .timeLimit(.minutes(15)))
    func leaving() throws {
        let house = try House()
        try house.startCoordinator()
        let idle = try house.start(
            "idle",
            [
                "worker", "run", "--coordinator", house.url, "--work", house.folder.path + "/idle", "--exit-when-idle",
                "1s",
            ])
        idle.waitUntilExit()
        #expect(idle.terminationStatus == 0, "\(house.log("idle"))")
        // A trainer that would go on for ever, and saves its state when it is told to stop.
        let script = try house.folder.write(
            "forever.sh",
            """
            #!/bin/sh
            trap 'echo 7 > "$1/part"; mv "$1/part" "$1/state-7.txt"; exit 1' TERM
            while :; do sleep 0.1; done
            """, executable: true)
        let file = try house.folder.write(
            "forever.yaml",
            """
            name: forever
            trainer:
              command: ["\(script)", "{out}", "{lr}"]
              resume: ["{checkpoint}"]
              checkpoints: [ { glob: "{out}/state-*.txt", step: "state-([0-9]+)", kind: state } ]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """)
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let rented = try house.start(
            "rented",
            [
                "worker", "run", "--coordinator", house.url, "--work", house.folder.path + "/rented", "--stop-after",
                "8s", "--stop-margin", "4s", "--price", "1.5",
            ])
        let started = Date()
        rented.waitUntilExit()
        #expect(rented.terminationStatus == 0, "\(house.log("rented"))")
        #expect(
            Date().timeIntervalSince(started) < 30, "the margin is counted in seconds; a loaded machine takes longer")
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE step = 7") == 1, "\(house.log("rented"))")
        #expect(try house.query("SELECT state FROM jobs").first?["state"] as? String == "waiting")
        let price = try house.query("SELECT price FROM attempt_price").first?["price"] as? Double
        #expect(price == 1.5)
    }
}
