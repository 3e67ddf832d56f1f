import Foundation
import TestSupport
import Testing

/// A real training by the core that a rule ends before its last epoch.
@Suite("Core trainings that are enough", .serialized)
struct CoreEarlyEndTests {
    private static let root = RadiataProgram.root.path
    private static let patience = 4
    private static let epochs = 60

    private func sweep(_ folder: TemporaryFolder) throws -> String {
        try folder.write(
            "enough.yaml",
            """
            name: enough
            base: \(Self.root)/sweeps/base/emoji-64
            data: \(Self.root)/data/quickstart
            seeds: [5]
            checkpoints: { epochs: [1] }
            stop_when: { metric: loss, better: lower, patience: \(Self.patience) }
            defaults: { batch: 2, epochs: \(Self.epochs), layers: attn-only, dim: 2 }
            groups: [ { list: [ { algorithm: lora, lr: 5e-4 } ] } ]
            """)
    }

    @Test(
        "it ends in its first attempt, at a decision that its own curve gives, with a final adapter that can be fetched",
        .timeLimit(.minutes(15)))
    func ends() throws {
        let house = try House()
        try house.startCoordinator()
        let launched = try house.radiata(["launch", try sweep(house.folder)])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("the job is done", seconds: 400) {
            let states = try house.query("SELECT state, attempts, failure FROM jobs")
            return states.allSatisfy { $0["state"] as? String == "done" } ? nil : "\(states)"
        }
        #expect(try house.count("SELECT attempts FROM jobs") == 1)
        let curve = try house.query("SELECT step, value FROM metrics WHERE key = 'loss' ORDER BY step")
        let decided = try house.count("SELECT step FROM stop_decision")
        #expect(decided == Self.decision(curve))
        #expect(try house.count("SELECT at > 1700000000000 FROM stop_decision") == 1, "it says when")
        let last = try #require(curve.last?["step"] as? Int)
        let finals = try house.query("SELECT step, epoch FROM checkpoints WHERE final = 1 AND kind = 'adapter'")
        #expect(finals.count == 1)
        let step = try #require(finals.first?["step"] as? Int)
        #expect(step >= decided && step <= last)
        // It was planned for many more epochs than the order needs to arrive.
        let epoch = try #require(finals.first?["epoch"] as? Int)
        #expect(epoch < Self.epochs / 2, "decided at step \(decided), ended at \(last), in epoch \(epoch)")
        let taken = house.folder.path + "/home"
        let job = try #require(try house.query("SELECT id FROM jobs").first?["id"] as? String)
        let fetched = try house.radiata(["fetch", job, "-o", taken])
        try #require(fetched.status == 0, "\(fetched)")
        let files = FileManager.default.subpaths(atPath: taken) ?? []
        #expect(files.contains { $0.hasSuffix(".safetensors") }, "\(files)")
    }

    /// The first step after so many in a row without a new lowest loss.
    private static func decision(_ curve: [[String: Any]]) -> Int? {
        var (lowest, waited) = (Double.infinity, 0)
        for point in curve {
            guard let step = point["step"] as? Int, let value = (point["value"] as? NSNumber)?.doubleValue else {
                return nil
            }
            if value < lowest {
                (lowest, waited) = (value, 0)
                continue
            }
            waited += 1
            if waited == patience { return step }
        }
        return nil
    }
}
