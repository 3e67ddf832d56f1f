import Foundation
import TestSupport
import Testing

/// Bad input gets one clear message that names the thing and the remedy, the right exit code, and changes
/// nothing.
@Suite("Bad input")
struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let text: String
        let expected: [String]
        var testDescription: String { what }
    }

    static let files = [
        Case(what: "broken YAML", text: "name: [unclosed\n", expected: ["sweep.yaml:"]),
        Case(
            what: "unknown key", text: "name: x\nlearning_rates: [1]\ngroups: [ { list: [ { algorithm: lora } ] } ]\n",
            expected: ["sweep.yaml:2", "learning_rates"]),
        Case(
            what: "wrong type", text: "name: x\nseeds: many\ngroups: [ { list: [ { algorithm: lora, lr: fast } ] } ]\n",
            expected: ["sweep.yaml:2", "sweep.yaml:3", "lr"]),
        Case(
            what: "impossible value", text: "name: x\ngroups: [ { list: [ { algorithm: lora, dim: -4 } ] } ]\n",
            expected: ["sweep.yaml:2", "dim"]),
        Case(
            what: "unknown algorithm", text: "name: x\ngroups: [ { list: [ { algorithm: lorra } ] } ]\n",
            expected: ["lorra", "lora"]),
    ]

    @Test("a bad sweep file is refused with its lines and exit code 2", arguments: files)
    func sweepFile(bad: Case) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("sweep.yaml", bad.text)
        let ended = try RadiataProgram.run(["plan", path])
        #expect(ended.status == 2, "\(ended)")
        for text in bad.expected { #expect(ended.messages.contains(text), "\(ended)") }
        #expect(ended.output.isEmpty)
    }

    @Test(
        "what can be said without a coordinator is said, and why none was asked", arguments: ["plan", "check"])
    func nobodyAsked(command: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "sweep.yaml",
            """
            name: x
            trainer: { command: [sh, -c, "true {lr} {out}"] }
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """)
        let ended = try RadiataProgram.run([command, path, "--token-file", folder.path + "/no.token"])
        #expect(ended.status == 0, "\(ended)")
        #expect(ended.messages.contains("no coordinator is asked: --token-file \(folder.path)/no.token"), "\(ended)")
    }

    @Test("an unreachable coordinator is named, with the remedy and exit code 4")
    func unreachable() throws {
        let ended = try RadiataProgram.run(["status", "--coordinator", "http://127.0.0.1:9"])
        #expect(ended.status == 4, "\(ended)")
        #expect(ended.messages.contains("127.0.0.1:9") && ended.messages.contains("radiata coordinator run"))
    }

    @Test("a wrong option is a usage error with exit code 2")
    func usage() throws {
        #expect(try RadiataProgram.run(["plan"]).status == 2)
        #expect(try RadiataProgram.run(["jobs", "--state", "asleep"]).status == 2)
        #expect(try RadiataProgram.run(["no-such-command"]).status == 2)
    }

    @Test("a missing data folder: plan warns, launch and train refuse")
    func missingData() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "sweep.yaml",
            "name: x\nbase: no-base\ndata: no-data\ngroups: [ { list: [ { algorithm: lora, dim: 4 } ] } ]\n")
        let plan = try RadiataProgram.run(["plan", path, "--format", "json"])
        #expect(
            plan.status == 0 && plan.messages.contains("no-data") && plan.output.contains("\"provisional\" : true"),
            "\(plan)")
        let train = try RadiataProgram.run(["train", path, "--out", folder.path + "/out"])
        #expect(train.status == 2 && train.messages.contains("no-"), "\(train)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
    }

    @Test("a port in use is named, with the remedy")
    func portInUse() throws {
        let house = try House()
        try house.startCoordinator()
        let folder = try TemporaryFolder()
        let second = try RadiataProgram.run(
            ["coordinator", "run", "--data", folder.path + "/data", "--listen", "127.0.0.1:\(house.port)"])
        #expect(second.status == 1, "\(second)")
        #expect(second.messages.contains("\(house.port)") && second.messages.contains("--listen"), "\(second)")
    }

    @Test("a second coordinator on the same ledger is refused")
    func sameLedger() throws {
        let house = try House()
        try house.startCoordinator()
        let second = try RadiataProgram.run(["coordinator", "run", "--data", house.data, "--listen", "127.0.0.1:0"])
        #expect(second.status == 1 && second.messages.contains(house.data), "\(second)")
    }

    @Test("an unknown job or sweep is exit code 3")
    func notFound() throws {
        let house = try House()
        try house.startCoordinator()
        #expect(try house.radiata(["show", String(repeating: "0", count: 64)]).status == 3)
        #expect(try house.radiata(["status", "nobody"]).status == 3)
    }

    @Test("a truncated adapter file is named")
    func truncatedSafetensors() throws {
        let folder = try TemporaryFolder()
        let base = RadiataProgram.root.appending(path: "sweeps/base/emoji-64").path
        let bad = folder.path + "/bad.safetensors"
        try Data([0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0x7B]).write(to: URL(filePath: bad))
        let ended = try RadiataProgram.run(
            ["sample", "--base", base, "--adapter", bad, "--prompt", "cat", "--out", folder.path + "/out"])
        #expect(ended.status != 0 && ended.messages.contains("bad.safetensors"), "\(ended)")
    }

    @Test("a truncated image is named, and nothing is trained")
    func truncatedImage() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data/5_thing"
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0]).write(to: URL(filePath: data + "/broken.png"))
        try "a thing".write(toFile: data + "/broken.txt", atomically: true, encoding: .utf8)
        let base = RadiataProgram.root.appending(path: "sweeps/base/emoji-64").path
        let path = try folder.write(
            "sweep.yaml",
            "name: x\nbase: \(base)\ndata: \(folder.path)/data\ngroups: [ { list: [ { algorithm: lora, dim: 4, epochs: 1 } ] } ]\n"
        )
        let ended = try RadiataProgram.run(["train", path, "--out", folder.path + "/out"])
        // Its data cannot be used: as a worker would say, bad-config.
        #expect(ended.status == 2 && ended.messages.contains("broken.png"), "\(ended)")
    }
}
