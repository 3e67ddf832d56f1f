import Foundation
import TestSupport
import Testing

/// An adapter taken home, jobs made of others, tags, and a sweep put away: the program as a user runs it.
@Suite("Taking it home", .serialized)
struct TakingHomeTests {
    /// Trains to `epochs` from a state or from nothing; each epoch is a step with an adapter and a state. The
    /// loss falls with the rate and the epochs, and rises with the seed's tenth.
    private static let script = """
        out=$1; lr=$2; epochs=$3; seed=$4; from=0
        if [ -n "$5" ]; then from=$(cut -d" " -f1 "$5"); fi
        epoch=$from
        while [ $epoch -lt $epochs ]; do
            epoch=$((epoch + 1))
            loss=$(awk "BEGIN { print 1 / (1 + $lr * $epoch) + $seed / 100 }")
            echo "{\\"step\\": $epoch, \\"val_loss\\": $loss}" >> "$out/metrics.jsonl"
            head -c 200000 /dev/zero | tr '\\0' "$seed" > "$out/a.tmp"; echo "$lr $epoch" >> "$out/a.tmp"
            mv "$out/a.tmp" "$out/ck-$epoch.safetensors"
            echo "$epoch $lr $seed" > "$out/s.tmp"; mv "$out/s.tmp" "$out/state-$epoch"
            echo "picture $epoch $lr $seed" > "$out/p.tmp"; mv "$out/p.tmp" "$out/step-$epoch.png"
        done
        """

    private static func sweep(_ script: String) -> String {
        """
        name: home
        trainer:
          command: [sh, "\(script)", "{out}", "{lr}", "{epochs}", "{seed}"]
          resume: ["{checkpoint}"]
          metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
          checkpoints:
            - { glob: "{out}/ck-*.safetensors", step: "ck-([0-9]+)" }
            - { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state }
          samples: [ { glob: "{out}/*.png" } ]
        seeds: [1, 2]
        groups: [ { grid: { lr: [1, 4], epochs: 2 } } ]
        """
    }

    private func finished() throws -> House {
        let house = try House()
        try house.startCoordinator()
        let script = house.folder.path + "/train.sh"
        try Self.script.write(toFile: script, atomically: true, encoding: .utf8)
        try Self.sweep(script).write(toFile: house.folder.path + "/home.yaml", atomically: true, encoding: .utf8)
        try run(house, ["launch", house.folder.path + "/home.yaml"])
        _ = try house.startWorker("worker")
        try done(house, 4)
        return house
    }

    @discardableResult
    private func run(_ house: House, _ arguments: [String], status: Int32 = 0) throws -> RadiataProgram.Ended {
        let ended = try house.radiata(arguments)
        try #require(ended.status == status, "\(arguments): \(ended)")
        return ended
    }

    private func done(_ house: House, _ count: Int) throws {
        try house.eventually("\(count) jobs are done") {
            let states = try house.query("SELECT state, failure, message FROM jobs")
            return states.count == count && states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
    }

    private func job(_ house: House, lr: Int, seed: Int) throws -> String {
        let rows = try house.query(
            "SELECT id FROM jobs WHERE json_extract(parameters, '$.lr') = \(lr) AND seed = \(seed) ORDER BY created")
        return try #require(rows.first?["id"] as? String)
    }

    private func bytesOnDisk(_ house: House) throws -> Int {
        let blobs = house.data + "/blobs"
        return try FileManager.default.subpathsOfDirectory(atPath: blobs).reduce(0) { sum, name in
            let facts = try FileManager.default.attributesOfItem(atPath: "\(blobs)/\(name)")
            return sum + (facts[.type] as? FileAttributeType == .typeRegular ? (facts[.size] as? Int ?? 0) : 0)
        }
    }

    @Test("fetch, rerun, extend, tag, archive and delete, one after another", .timeLimit(.minutes(15)))
    func walk() throws {
        let house = try finished()
        try fetch(house)
        try branch(house)
        try annotate(house)
        try reclaim(house)
    }

    private func fetch(_ house: House) throws {
        let best = try job(house, lr: 4, seed: 1)
        let folder = house.folder.path + "/best"
        let fetched = try run(house, ["fetch", "home", "--best", "--samples", "-o", folder])
        #expect(fetched.output.hasSuffix("/best\n") && fetched.messages.contains("of its 2 seeds it is 1"))
        let name = "home-\(best.prefix(8))-step-2"
        let wanted = try house.query(
            "SELECT sha256 FROM checkpoints WHERE job = '\(best)' AND kind = 'adapter' AND step = 2")
        #expect(try Coreutils.sha256("\(folder)/\(name).safetensors") == wanted.first?["sha256"] as? String)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(files == ["README.md", "\(name).safetensors", "samples", "settings.json"])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder + "/samples").sorted() == [
                "step-1.png", "step-2.png",
            ])
        let card = try String(contentsOfFile: folder + "/README.md", encoding: .utf8)
        #expect(card.contains("#1 of 2 configurations") && card.contains("±"), "\(card)")
        let settings = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: folder + "/settings.json")))
                as? [String: Any])
        #expect(settings["seed"] as? Int == 1 && (settings["parameters"] as? [String: Any])?["lr"] as? Int == 4)

        // Again: nothing is fetched twice; with other content in its place it is refused.
        try run(house, ["fetch", "home", "--best", "-o", folder])
        try Data("mine".utf8).write(to: URL(filePath: "\(folder)/\(name).safetensors"))
        let refused = try run(house, ["fetch", "home", "--best", "-o", folder], status: 1)
        #expect(refused.messages.contains("other content"))
        #expect(try String(contentsOfFile: "\(folder)/\(name).safetensors", encoding: .utf8) == "mine")

        // An earlier checkpoint, into the folder that is made of its name; a half file is gone on with.
        let place = house.folder.path + "/early"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let early = try house.query(
            "SELECT sha256 FROM checkpoints WHERE job = '\(best)' AND kind = 'adapter' AND step = 1")
        let sha = try #require(early.first?["sha256"] as? String)
        let half = "\(place)/\(name.dropLast())1/.fetch/\(sha.prefix(2))"
        try FileManager.default.createDirectory(atPath: half, withIntermediateDirectories: true)
        try Data(repeating: UInt8(ascii: "1"), count: 100_000).write(to: URL(filePath: "\(half)/\(sha).partial"))
        let ended = try RadiataProgram.run(
            ["fetch", String(best.prefix(10)), "--checkpoint", "step:1"],
            environment: ["RADIATA_COORDINATOR": house.url], in: place)
        try #require(ended.status == 0, "\(ended)")
        let target = "\(place)/\(name.dropLast())1"
        #expect(try Coreutils.sha256("\(target)/\(name.dropLast())1.safetensors") == sha)
        #expect(!FileManager.default.fileExists(atPath: target + "/.fetch"))
        for (arguments, status, words) in [
            (["home"], 2, "say --best"), ([best, "--checkpoint", "step:9"], 3, "it has step:1, step:2"),
            (["ffffffff"], 3, "no job"), (["none", "--best"], 3, "no sweep"),
            ([best, "--checkpoint", "x"], 2, "an epoch"),
        ] as [([String], Int32, String)] {
            #expect(try run(house, ["fetch"] + arguments, status: status).messages.contains(words), "\(arguments)")
        }
    }

    private func branch(_ house: House) throws {
        let parent = try job(house, lr: 1, seed: 2)
        let extended = try run(house, ["extend", String(parent.prefix(8)), "--epochs", "5"])
        let child = extended.output.trimmingCharacters(in: .newlines)
        #expect(child.count == 64 && extended.messages.contains("from step 2"))
        #expect(try run(house, ["extend", parent, "--epochs", "5"]).messages.contains("is there already"))
        let again = try run(house, ["rerun", parent, "--set", "lr=9", "--set", "seed=7", "--format", "json"])
        let made = try #require(try JSONSerialization.jsonObject(with: Data(again.output.utf8)) as? [String: Any])
        #expect(made["isNew"] as? Bool == true && made["parent"] as? String == parent)
        try done(house, 6)
        // It went on where its parent ended, and did not begin anew.
        let steps = try house.query("SELECT step FROM metrics WHERE job = '\(child)' ORDER BY step")
        #expect(steps.map { $0["step"] as? Int } == [3, 4, 5])
        let show = try run(house, ["show", child]).output
        #expect(
            show.contains("made by     extend of \(parent.prefix(12)) from step 2, with epochs=5"), "\(show)")
        #expect(try run(house, ["show", parent]).output.contains("led to      \(child.prefix(12)) (extend)"))
        let top = try run(house, ["top", "home", "--metric", "val_loss"]).output
        #expect(top.contains("lr 9") && top.contains("epochs 5"), "\(top)")
        #expect(try house.count("SELECT count(*) FROM origins WHERE parent = '\(parent)'") == 2)
        for (arguments, status, words) in [
            (["extend", parent, "--epochs", "2"], 2, "trains 2 epochs already"),
            (["rerun", parent, "--set", "lrr=1"], 2, "did you mean 'lr'"),
            (["rerun", parent, "--set", "lr"], 2, "NAME=VALUE"),
        ] as [([String], Int32, String)] {
            #expect(try run(house, arguments, status: status).messages.contains(words), "\(arguments)")
        }
    }

    private func annotate(_ house: House) throws {
        let job = try job(house, lr: 4, seed: 1)
        #expect(try run(house, ["tag", "home", "cats", "2026"]).output == "2026\ncats\n")
        try run(house, ["tag", job, "keep"])
        try run(house, ["note", job, "the", "sharp", "one"])
        #expect(try run(house, ["jobs", "--tag", "keep", "--format", "csv"]).output.contains(job))
        #expect(try run(house, ["jobs", "--tag", "other", "--format", "csv"]).output.split(separator: "\n").count == 1)
        #expect(try run(house, ["status", "home"]).output.contains("tagged 2026, cats"))
        #expect(try run(house, ["show", job]).output.contains("note        the sharp one"))
        #expect(try run(house, ["tag", "home", "cats", "--remove"]).output == "2026\n")
    }

    private func reclaim(_ house: House) throws {
        let before = try bytesOnDisk(house)
        let asked = try run(house, ["archive", "home"], status: 2)
        #expect(asked.messages.contains("frees") && asked.messages.contains("say --yes"))
        #expect(try bytesOnDisk(house) == before)
        let archived = try run(house, ["archive", "home", "--yes", "--format", "json"])
        let report = try #require(try JSONSerialization.jsonObject(with: Data(archived.output.utf8)) as? [String: Any])
        let freed = try #require(report["bytes"] as? Int)
        #expect(freed > 800_000 && report["isDone"] as? Bool == true)
        #expect(try bytesOnDisk(house) == before - freed)
        #expect(try house.count("SELECT count(*) FROM checkpoints WHERE kind = 'adapter'") == 6)
        #expect(try house.count("SELECT count(*) FROM metrics") == 2 * 4 + 3 + 2)
        #expect(try run(house, ["status", "home"]).output.contains("archived since"))
        // What is kept can still be taken home.
        try run(house, ["fetch", "home", "--best", "-o", house.folder.path + "/last"])
        let parent = try job(house, lr: 1, seed: 2)
        #expect(try run(house, ["extend", parent, "--epochs", "9"], status: 1).messages.contains("is archived"))
        #expect(try run(house, ["archive", "home", "--yes"]).output.contains("archived already"))
        let deleted = try run(house, ["delete", "home", "--yes"])
        #expect(deleted.output.contains("is deleted: 6 jobs, 6 files"))
        #expect(try bytesOnDisk(house) == 0 && house.count("SELECT count(*) FROM jobs") == 0)
        #expect(try run(house, ["delete", "home", "--yes"]).output.contains("deleted already"))
        let check = try RadiataProgram.run(["ledger", "check", "--data", house.data])
        #expect(check.status == 0, "\(check)")
    }
}
