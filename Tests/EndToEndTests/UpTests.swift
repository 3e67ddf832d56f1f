import Foundation
import Glibc
import TestSupport
import Testing

/// Workers on another "machine": a real sshd, with another home.
@Suite(
    "Workers over SSH",
    .serialized, .enabled(if: SSHServer.isPossible, "NOT TESTED: \(SSHServer.refusal ?? "")"))
struct UpTests {
    private func sweep(_ house: House, name: String) throws -> String {
        try house.folder.write(
            "\(name).yaml",
            """
            name: \(name)
            requires: { labels: { room: lab } }
            trainer:
              command: [sh, -c, "echo '{\\"step\\": 1, \\"loss\\": 1}' > {out}/m.jsonl; : \(name)", "{lr}"]
              metrics: [ { jsonl: "{out}/m.jsonl" } ]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """)
    }

    private func radiata(_ house: House, _ server: SSHServer, _ arguments: [String]) throws -> RadiataProgram.Ended {
        try RadiataProgram.run(
            arguments,
            environment: [
                "RADIATA_COORDINATOR": house.url, "RADIATA_SSH": server.ssh,
                "XDG_CACHE_HOME": house.folder.path + "/cache", "HOME": house.folder.path,
            ])
    }

    private func launchAndWait(_ house: House, _ name: String) throws {
        let launched = try house.radiata(["launch", try sweep(house, name: name)])
        try #require(launched.status == 0, "\(launched)")
        try house.eventually("the job of \(name) is done") {
            let done = try house.count("SELECT count(*) FROM jobs WHERE sweep = '\(name)' AND state = 'done'")
            return done == 1 ? nil : try house.radiata(["workers"]).output
        }
    }

    private func workers(of server: SSHServer) -> [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { name in
            guard let pid = Int32(name), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
                let first = line.split(separator: 0).first,
                String(decoding: first, as: UTF8.self).hasPrefix(server.home),
                String(decoding: line, as: UTF8.self).contains("run\0--work")
            else { return nil }
            return pid
        }
    }

    @Test(
        "up with a program that is there: its worker joins, does a job, and ends politely",
        .timeLimit(.minutes(15)))
    func short() throws {
        let server = try SSHServer()
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let hosts = try house.folder.write(
            "hosts.yaml",
            "- { host: box, labels: { room: lab }, program: \(RadiataProgram.path) }\n")
        let up = try radiata(house, server, ["up", hosts])
        try #require(up.status == 0, "\(up)")
        #expect(!up.output.contains("copying") && up.output.contains("box: connected, 1 slot"), "\(up)")
        try launchAndWait(house, "one")
        let down = try radiata(house, server, ["down", hosts])
        #expect(down.status == 0, "\(down)")
        let state = try house.query("SELECT kind FROM worker_mark").first?["kind"] as? String
        #expect(state == "goodbye", "it ended politely")
        #expect(try house.count("SELECT count(*) FROM attempt WHERE outcome = 'done'") == 1)
    }

    @Test(
        "up copies the program, lets the machine join and starts its worker; killed it comes back; down ends it",
        .enabled(if: SSHServer.isWhole, "NOT TESTED: `make machines` runs it"), .timeLimit(.minutes(15)))
    func upAndDown() throws {
        let server = try SSHServer()
        let house = try House(isReachable: true)
        try house.startCoordinator()
        let hosts = try house.folder.write(
            "hosts.yaml", "defaults: { labels: { room: lab } }\nhosts: [ { host: box, slots: 2, price: 0.25 } ]\n")
        let up = try radiata(house, server, ["up", hosts])
        try #require(up.status == 0, "\(up)")
        #expect(up.output.contains("box: copying") && up.output.contains("box: connected, 2 slots"), "\(up)")
        try launchAndWait(house, "one")
        // No secret is in the list of processes, and its files are the user's alone.
        let first = try #require(workers(of: server).first)
        let line = try #require(FileManager.default.contents(atPath: "/proc/\(first)/cmdline"))
        #expect(!String(decoding: line, as: UTF8.self).contains("radiata-invite"))
        var status = stat()
        let join = try FileManager.default.subpathsOfDirectory(atPath: server.home).first { $0.hasSuffix("join.json") }
        #expect(stat("\(server.home)/\(try #require(join))", &status) == 0 && status.st_mode & 0o777 == 0o600)
        // Killed, it is started again.
        kill(first, SIGKILL)
        try house.eventually("another process is there") {
            workers(of: server).contains { $0 != first } ? nil : "none yet"
        }
        try launchAndWait(house, "two")
        // Again: nothing is copied, and the worker is another one with the same identity.
        let again = try radiata(house, server, ["up", hosts])
        #expect(again.status == 0 && !again.output.contains("copying"), "\(again)")
        #expect(try house.count("SELECT count(*) FROM worker") == 1)

        let down = try radiata(house, server, ["down", hosts])
        #expect(down.status == 0, "\(down)")
        #expect(workers(of: server).isEmpty)
        let state = try house.query("SELECT kind FROM worker_mark").first?["kind"] as? String
        #expect(state == "goodbye", "it ended politely")
        let forgotten = try radiata(house, server, ["down", hosts, "--forget"])
        #expect(forgotten.status == 0, "\(forgotten)")
        #expect(try house.count("SELECT count(*) FROM worker") == 0)
    }

    @Test(
        "where no port is open the worker comes back through the connection",
        .enabled(if: SSHServer.isWhole, "NOT TESTED: `make machines` runs it"), .timeLimit(.minutes(15)))
    func reverseTunnel() throws {
        let server = try SSHServer()
        let house = try House()
        try house.startCoordinator()
        let port = try House.freePort()
        let hosts = try house.folder.write(
            "hosts.yaml", "- { host: box, labels: { room: lab }, reverse_tunnel: \(port) }\n")
        let up = try radiata(house, server, ["up", hosts])
        try #require(up.status == 0, "\(up)")
        try launchAndWait(house, "one")
        let join = try FileManager.default.subpathsOfDirectory(atPath: server.home).first { $0.hasSuffix("join.json") }
        let text = try String(contentsOfFile: "\(server.home)/\(try #require(join))", encoding: .utf8)
        #expect(text.contains("http://127.0.0.1:\(port)"))
        let down = try radiata(house, server, ["down", hosts])
        #expect(down.status == 0 && workers(of: server).isEmpty, "\(down)")
    }

    @Test("what is wrong with a file of hosts, and a host that does not answer, are told by name")
    func faults() throws {
        let server = try SSHServer()
        let house = try House()
        try house.startCoordinator()
        for (text, wanted) in [
            ("- box\n- box\n", "stands there twice"), ("- { host: box, slot: 2 }\n", "unknown key 'slot'"),
            ("- { host: \"-oProxyCommand=x\" }\n", "no name that ssh could take"), ("[]\n", "there are no hosts"),
            ("- { host: box, slots: 0 }\n", "slots is 0"), ("hosts: 3\n", "wanted a list of hosts"),
        ] {
            let ended = try radiata(house, server, ["up", try house.folder.write("bad.yaml", text)])
            #expect(ended.status == 2 && ended.messages.contains(wanted), "\(text): \(ended)")
        }
        let nowhere = try house.folder.write("nowhere.yaml", "- nowhere.invalid\n")
        let ended = try radiata(house, server, ["up", nowhere])
        #expect(ended.status == 1 && ended.messages.contains("ssh nowhere.invalid true"), "\(ended)")
    }
}
