import Foundation
import TestSupport
import Testing

/// What `top`, `export`, `query`, `jobs` and `plan` print of a command trainer's results: real processes.
@Suite("Results of command trainers", .serialized)
struct ResultCommandsTests {
    /// Logs `loss` at steps 1 to 3 and `val_loss` once; of x 1 it is infinite.
    private static let script = """
        for s in 1 2 3; do echo "{\\"step\\": $s, \\"loss\\": $((s * $2 % 5)).5}"; done > "$1/metrics.jsonl"
        if [ "$2" = 1 ]; then v=Infinity; else v=0.$2; fi
        echo "{\\"step\\": 1, \\"val_loss\\": $v}" >> "$1/metrics.jsonl"
        """

    private static func sweep(_ script: String) -> String {
        """
        name: rank
        trainer: { command: [sh, "\(script)", "{out}", "{x}"], metrics: [ { jsonl: "{out}/metrics.jsonl" } ] }
        groups: [ { grid: { x: [1, 2, 3], note: ["=1+1"], shift: [-0.5] } } ]
        """
    }

    private func finished() throws -> House {
        let house = try House()
        try house.startCoordinator()
        let file = house.folder.path + "/rank.yaml"
        let script = house.folder.path + "/rank.sh"
        try Self.script.write(toFile: script, atomically: true, encoding: .utf8)
        try Self.sweep(script).write(toFile: file, atomically: true, encoding: .utf8)
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("the jobs are done") {
            let states = try house.query("SELECT state, failure, message FROM jobs")
            return states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
        return house
    }

    private func json(_ house: House, _ arguments: [String]) throws -> [String: Any] {
        let answer = try house.radiata(arguments)
        try #require(answer.status == 0, "\(answer)")
        return try #require(try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
    }

    private func lines(_ house: House, _ arguments: [String]) throws -> [String] {
        let answer = try house.radiata(arguments)
        try #require(answer.status == 0, "\(answer)")
        return answer.output.split(separator: "\n").map(String.init)
    }

    @Test(
        "every key of a curve ranks, infinite values are words in JSON and CSV, formulas are only text",
        .timeLimit(.minutes(15)))
    func results() throws {
        let house = try finished()
        try top(house)
        try unknown(house)

        let rows = try house.query("SELECT value FROM latest_metrics WHERE key = 'val_loss' ORDER BY value")
        #expect(rows.map { "\($0["value"] ?? "")" } == ["0.2", "0.3", "Infinity"])
        #expect(
            try lines(
                house,
                [
                    "query", "SELECT 9e999 a, -9e999 b, -1.5e-7 c, '=1' d, '-x' e, NULL f, 9007199254740993 g",
                    "--format", "csv",
                ])
                == ["a,b,c,d,e,f,g", "Infinity,-Infinity,-1.5e-07,'=1,'-x,,9007199254740993"])
        #expect(try house.query("WITH t AS (SELECT 1) SELECT count(*) n FROM t").first?["n"] as? Int == 1)

        let export = try lines(house, ["export", "rank"])
        #expect(
            export.first?.hasSuffix(",parameters.note,parameters.shift,parameters.x,latest.loss,latest.val_loss")
                == true)
        #expect(
            export.dropFirst().map { $0.split(separator: ",").suffix(5).joined(separator: ",") } == [
                "'=1+1,-0.5,1,3.5,Infinity", "'=1+1,-0.5,2,1.5,0.2", "'=1+1,-0.5,3,4.5,0.3",
            ])
        let objects = try lines(house, ["export", "rank", "--format", "jsonl"]).map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(objects.map { "\(($0["latest"] as? [String: Any])?["val_loss"] ?? "")" } == ["Infinity", "0.2", "0.3"])
        let plan = try lines(house, ["plan", house.folder.path + "/rank.yaml", "--format", "csv"])
        #expect(plan.dropFirst().allSatisfy { $0.contains(",'=1+1,-0.5,") }, "\(plan)")
        #expect(try lines(house, ["jobs", "rank", "--format", "csv"]).count == 4)
    }

    private func top(_ house: House) throws {
        let last = try json(house, ["top", "rank", "--metric", "val_loss", "--format", "json"])
        #expect(last["version"] as? Int == 1 && last["metric"] as? String == "val_loss")
        #expect(last["better"] as? String == "lower")
        let rows = try #require(last["rows"] as? [[String: Any]])
        #expect(rows.map { "\($0["value"] ?? "")" } == ["0.2", "0.3", "Infinity"])
        #expect(rows.map { $0["rank"] as? Int } == [1, 2, 3] && rows.map { $0["seeds"] as? Int } == [1, 1, 1])
        #expect(rows.map { ($0["parameters"] as? [String: Any])?["x"] as? Int } == [2, 3, 1])
        for key in ["configuration", "checkpoint", "low", "high", "best_probability", "tied_with"] {
            #expect(rows[0][key] != nil, "\(key)")
        }
        func order(_ arguments: [String]) throws -> [Int?] {
            let found = try json(house, ["top", "rank", "--metric", "loss", "--format", "json"] + arguments)
            return try #require(found["rows"] as? [[String: Any]]).map {
                ($0["parameters"] as? [String: Any])?["x"] as? Int
            }
        }
        // loss: x 1: 1.5 2.5 3.5 · x 2: 2.5 4.5 1.5 · x 3: 3.5 1.5 4.5
        #expect(try order([]) == [2, 1, 3] && order(["--at", "last"]) == [2, 1, 3])
        #expect(try order(["--at", "step:1"]) == [1, 2, 3] && order(["--at", "step:2"]) == [3, 1, 2])
        #expect(try order(["--at", "best", "--better", "higher"]).count == 3)
        #expect(try order(["--better", "higher"]) == [3, 1, 2])
    }

    private func unknown(_ house: House) throws {
        let unknown = try house.radiata(["top", "rank", "--metric", "nothing"])
        #expect(unknown.status == 3 && unknown.messages.contains("its curves are loss, val_loss"), "\(unknown)")
        let elsewhere = try house.radiata(["top", "rank", "--metric", "loss", "--at", "step:9"])
        #expect(elsewhere.status == 3 && elsewhere.messages.contains("from step 1 to 3"), "\(elsewhere)")
        #expect(try house.radiata(["top", "rank", "--metric", "loss", "--at", "step"]).status == 2)
    }

    @Test("a query that takes all it may leaves the coordinator as large as it was", .timeLimit(.minutes(15)))
    func memory() throws {
        let house = try House()
        try house.startCoordinator()
        let pid = try #require(house.coordinator?.processIdentifier)
        func mostResident() throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
            return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
        }
        _ = try house.query("SELECT 1")
        let before = try mostResident()
        let wide = "SELECT " + Array(repeating: "hex(zeroblob(2000000))", count: 20).joined(separator: ",")
        let refused = try house.radiata(["query", wide])
        #expect(refused.status != 0 && refused.messages.contains("a row of"), "\(refused)")
        let many =
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT hex(zeroblob(1000000)) FROM c"
        let cut = try house.radiata(["query", many, "--format", "csv"])
        #expect(cut.status == 0 && cut.output.utf8.count > 32 << 20 && cut.messages.contains("cut"))
        // 20 columns of 4 MB made 546 MB in the coordinator itself; 64 MiB pass through it now.
        let grown = try mostResident() - before
        #expect(grown < 160_000, "grew by \(grown) kB")
        print("the coordinator grew by \(grown) kB")
    }
}
