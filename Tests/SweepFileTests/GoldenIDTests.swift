import Foundation
import Ports
import RunSpec
import SweepFile
import SweepModel
import Testing

/// Ids as the program computed them before the core's second generation; see Fixtures/ids/make_ids.py.
@Suite("Golden ids")
struct GoldenIDTests {
    private struct Golden: Decodable {
        let ids: [String: [String]]
        let folders: [String: String]

        static func load() throws -> Golden {
            let file = URL(fileURLWithPath: "\(GoldenIDTests.folder)/ids.json")
            return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
        }
    }

    private static let folder = repository + "/Tests/SweepFileTests/Fixtures/ids"

    private func plan(
        _ name: String, generations: ((InputKind, String) -> InputGenerations?)? = nil,
        _ change: (String) -> String = { $0 }
    ) throws -> SweepPlan {
        let base = try Golden.load().folders["sweeps/base/emoji-64"]
        let inputs = LocalSweepInputs(
            sweepFile: "\(Self.folder)/\(name)", workingDirectory: Self.folder,
            digest: { path in
                if path.hasSuffix("emoji-64"), let base, let digest = ContentDigest(base) { return digest }
                return try TreeDigest.compute(path).digest
            }, generations: generations)
        let text = try String(contentsOfFile: "\(Self.folder)/\(name)", encoding: .utf8)
        return try SweepFile.read(change(text), name: name, inputs: inputs).plan
    }

    /// The quickstart's paths are beside `sweeps/`.
    private func atHome(_ text: String) -> String {
        text.replacing("base: base/", with: "base: \(repository)/sweeps/base/")
            .replacing("data: ../data", with: "data: \(repository)/data")
    }

    /// As earlier programs named the jobs, and as a ledger that has them goes on to name them
    /// (docs/decisions/0017).
    private static func formerIDs(_ plan: SweepPlan) -> [String] {
        plan.jobs.map { job in
            (plan.configurations[job.configuration].former?.job(seed: job.seed) ?? job.id).text
        }
    }

    @Test(
        "ids of command jobs, and of core jobs whose numerics did not change, stay what they were",
        arguments: ["command", "command-evaluated", "core-missing", "core-tiny", "quickstart"])
    func unchanged(name: String) throws {
        let found = try plan("\(name).yaml", generations: { _, _ in nil }, atHome)
        #expect(Self.formerIDs(found) == (try Golden.load().ids["\(name).yaml"]))
    }

    @Test("folders keep their digest", arguments: ["data/quickstart", "data/concepts"])
    func folders(name: String) throws {
        #expect(try TreeDigest.compute("\(repository)/\(name)").digest.text == (try Golden.load().folders[name]))
    }

    @Test("data read otherwise changes the ids of core jobs that use it, and of no others")
    func changedReading() throws {
        func changed(_ name: String, _ kind: InputKind) throws -> Bool {
            let found = try plan(
                name,
                generations: { found, _ in
                    guard found == kind else { return nil }
                    return kind == .base ? InputGenerations(evaluating: 2) : InputGenerations(reading: 2)
                }, atHome)
            return Self.formerIDs(found) != (try Golden.load().ids[name])
        }
        #expect(try changed("core-tiny.yaml", .data) && changed("core-tiny.yaml", .regData))
        #expect(try changed("quickstart.yaml", .data) && changed("quickstart.yaml", .base))
        #expect(try !changed("command.yaml", .data) && !changed("core-missing.yaml", .data))
        // Without an evaluation nothing is sampled, so the scheduler's file decides nothing.
        #expect(try !changed("core-tiny.yaml", .base))
    }

    @Test("what the launching machine found travels in the bundle: the coordinator gets the same ids")
    func bundle() throws {
        let inputs = LocalSweepInputs(
            sweepFile: "\(Self.folder)/core-tiny.yaml", workingDirectory: Self.folder,
            digest: { try TreeDigest.compute($0).digest },
            generations: { kind, _ in kind == .data ? InputGenerations(reading: 2) : nil })
        let text = try String(contentsOfFile: "\(Self.folder)/core-tiny.yaml", encoding: .utf8)
            .replacing("base: nowhere/base", with: "base: tiny")
        let file = try SweepFile.read(text, name: "core-tiny.yaml", inputs: inputs)
        let posted = try JSONDecoder().decode(LaunchBundle.self, from: JSONEncoder().encode(file.bundle))
        let there = try SweepFile.read(posted)
        #expect(there.plan.jobs.map(\.id) == file.plan.jobs.map(\.id))
        #expect(try there.definition.resolvedJobs(there.plan).allSatisfy { $0.coreVersion == "2.1" })
    }
}
