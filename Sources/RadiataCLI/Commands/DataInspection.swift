import CoreData
import Foundation
import Glibc
import Ports
import RunSpec
import SweepFile
import SweepModel

/// The inputs of a sweep as the core will find them, looked at before anything runs.
struct DataInspection {
    let data: DataCheck?
    let regData: DataCheck?
    private let base: InputGenerations?

    /// - Throws: `CommandFailure` with every fault of the data, all of class bad-config.
    init(_ sweep: SweepDefinition) throws {
        // A command trains on what it likes.
        let share = sweep.trainer.isCore ? sweep.evaluation?.holdout : nil
        data = Self.check(sweep.data, share.map { HeldOutSplit(share: $0, seed: sweep.seeds.first ?? 0) })
        regData = Self.check(sweep.regData)
        base = sweep.base.flatMap(Self.base)
        var faults = [data, regData].flatMap { $0?.faults ?? [] }
        if sweep.trainer.isCore, let fault = Self.pairs(data, on: sweep.base?.path) { faults.append(fault) }
        guard faults.isEmpty else {
            let count = faults.count
            throw CommandFailure(
                .usage,
                "the data cannot be trained on (bad-config), \(count) fault\(count == 1 ? "" : "s"):\n"
                    + faults.joined(separator: "\n"))
        }
    }

    var warnings: [String] { [data, regData].flatMap { $0?.warnings ?? [] } }

    func generations(_ kind: InputKind) -> InputGenerations? {
        switch kind {
        case .base: base
        case .data: Self.generations(data)
        case .regData: Self.generations(regData)
        // The first generation knows no named encoders.
        case .encoders: InputGenerations(evaluating: 2)
        }
    }

    /// Asks a person at the terminal for class words that nobody wrote down, and writes `concepts.yaml`.
    ///
    /// - Returns: whether it wrote one, which changes the data.
    func completeConcepts() -> Bool {
        guard let data, data.isGuessed, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return false }
        Console.note(
            "\(data.path) has no concepts.yaml. Style and drift are measured with the class word, so what is it a kind of?"
        )
        var names: [String: String] = [:]
        for row in data.rows {
            Console.note("class word of \(row.folder) (Enter for '\(row.className)'):")
            guard let answer = readLine() else { return false }
            let word = answer.trimmingCharacters(in: .whitespaces)
            if !word.isEmpty { names[row.folder] = word }
        }
        let file = "\(data.path)/concepts.yaml"
        do {
            try DiskFiles().writeAtomically(Array(data.conceptFile(classNames: names).utf8), to: file)
        } catch {
            Console.note("warning: \(error); going on with the guess")
            return false
        }
        Console.note("wrote \(file)")
        return true
    }

    private static func check(_ input: InputReference?, _ split: HeldOutSplit? = nil) -> DataCheck? {
        guard let path = input?.path else { return nil }
        // Enough to be quick, few enough that large pictures fit into memory side by side.
        let threads = min(4, max(1, ProcessInfo.processInfo.activeProcessorCount))
        return DataCheck(path: path, threads: threads, split: split) { done, count in
            guard count > 200, Console.isTerminal, done % 20 == 0 || done == count else { return }
            let bar = Console.bar(done: Double(done) / Double(count))
            Console.rewrite(done == count ? "" : "looking at pictures \(bar) \(done) of \(count)")
        }
    }

    private static func generations(_ check: DataCheck?) -> InputGenerations? {
        guard let check else { return nil }
        return .newest([
            InputGenerations(reading: check.isNewlyRead ? 2 : nil, evaluating: check.isNewlyNamed ? 2 : nil)
        ])
    }

    /// What the class that a scheduler file names sets where the file leaves it out; the first generation did
    /// not know.
    private static let cuttingSamples: Set<String> = [
        "DDIMScheduler", "DDIMParallelScheduler", "DDIMInverseScheduler", "DDPMScheduler", "DDPMParallelScheduler",
        "RePaintScheduler", "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler",
    ]
    private static let ownNoise: Set<String> = [
        "LCMScheduler", "TCDScheduler", "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler",
    ]
    private static let ownRange: Set<String> = [
        "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler",
    ]

    private static let sourceless: Set<String> = ["SD3Transformer2DModel", "Flux2Transformer2DModel"]

    /// Pairs that a base's network does not read; its job would say so too, when it starts.
    private static func pairs(_ data: DataCheck?, on base: String?) -> String? {
        guard let data, data.rows.contains(where: { $0.kind == .edit }), let base,
            let name = configuration("\(base)/transformer/config.json")?.name, sourceless.contains(name)
        else { return nil }
        return "\(data.path): pairs are trained on a U-Net or on Flux.1, and the base \(base) has a \(name); "
            + "take another base"
    }

    /// A part's configuration with its class; nil where there is no such file, or one that its reader will
    /// refuse.
    private static func configuration(_ path: String) -> (name: String, content: [String: Any])? {
        guard let bytes = try? DiskFiles().read(path, limit: 1 << 20),
            let content = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let name = content["_class_name"] as? String
        else { return nil }
        return (name, content)
    }

    private static func base(_ input: InputReference) -> InputGenerations? {
        guard let path = input.path,
            let (name, content) = configuration("\(path)/scheduler/scheduler_config.json")
        else { return nil }
        func lacks(_ keys: [String]) -> Bool { keys.contains { content[$0] == nil } }
        let noise =
            (ownNoise.contains(name) && lacks(["beta_start", "beta_end", "beta_schedule"]))
            || (ownRange.contains(name) && lacks(["beta_start", "beta_end"]))
        let sampling =
            (cuttingSamples.contains(name) && lacks(["clip_sample"]))
            || (name == "PNDMScheduler" && lacks(["set_alpha_to_one"]))
        return .newest([InputGenerations(reading: noise ? 2 : nil, evaluating: sampling ? 2 : nil)])
    }
}
