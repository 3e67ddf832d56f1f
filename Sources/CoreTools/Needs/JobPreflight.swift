import CoreAdapters
import CoreDiffusion
import CoreEvaluation
import CoreNets
import Foundation
import Glibc
package import RunSpec

/// Looks, before anything runs, at what a job of the core needs besides its data: the base's parts, encoders
/// to evaluate with, tokenizers that fit, memory and disk. The same look at `plan`, at `launch` and before a
/// trainer begins.
package struct JobPreflight {
    package var base: String
    /// The tokenizer's folder for a base in one file; nil looks beside it.
    package var tokenizer: String?
    package var evaluation: EvaluationSpec?
    /// Encoders named for the evaluation, besides the base's own.
    package var encoders: [EncoderRole: String]

    package init(
        base: String, tokenizer: String? = nil, evaluation: EvaluationSpec? = nil, encoders: [EncoderRole: String] = [:]
    ) {
        self.base = base
        self.tokenizer = tokenizer
        self.evaluation = evaluation
        self.encoders = encoders
    }

    package init(_ job: TrainingJob, tokenizer: String? = nil) {
        self.init(base: job.base, tokenizer: tokenizer, evaluation: job.evaluation, encoders: job.encoders)
    }

    /// - Parameter jobs: what is trained, and how many checkpoints each leaves.
    /// - Returns: what the hungriest of the jobs needs.
    /// - Throws: `JobPreflightError` for what no machine could make good: a fault of the configuration.
    package func check(_ jobs: [(training: TrainingSpec, checkpoints: Int)]) throws -> JobNeeds {
        do {
            let summary = try BaseSummary(path: base, tokenizer: tokenizer)
            var encoderBytes: Int64 = 0
            if evaluation != nil {
                let panel = try EncoderPanel(base: base, named: encoders, tokenizer: summary.tokenizer)
                encoderBytes = try panel.weightBytes()
            }
            // Never filled: only its shapes are looked at.
            let unet = summary.network.shapes
            let needs = jobs.map { training, checkpoints in
                NeedsModel(
                    base: summary, training: training, evaluation: evaluation, encoderBytes: encoderBytes,
                    trainable: Self.trainable(training, unet), checkpoints: checkpoints
                ).needs()
            }
            return JobNeeds.largest(needs)
                ?? JobNeeds(memoryBytes: 0, trainingBytes: 0, evaluationBytes: 0, diskBytes: 0)
        } catch {
            throw JobPreflightError(message: "\(error)")
        }
    }

    /// The same of jobs that edit: base, encoders and sizes.
    ///
    /// - Throws: `JobPreflightError` for what no machine could make good.
    package func check(edits: [EditSpec]) throws {
        _ = try check([])
        do {
            let summary = try BaseSummary(path: base, tokenizer: tokenizer)
            let network = summary.network.shapes
            for edit in edits {
                let isFlow = !(network is UNet2DConditionModel)
                if let fault = PictureEditor.fault(
                    edit.method, isFlow: isFlow, isFlux: network is FluxTransformer2DModel)
                {
                    throw JobPreflightError(message: "\(base): \(fault)")
                }
                let unit = summary.reduction * network.latentStep
                if let size = edit.size, size.width % unit != 0 || size.height % unit != 0 {
                    throw JobPreflightError(
                        message: "resolution \(size.width)×\(size.height): wanted sides that are multiples of \(unit) "
                            + "pixels")
                }
            }
        } catch {
            throw JobPreflightError(message: "\(error)")
        }
    }

    /// What this machine has too little of; each a remark, since needs are estimates.
    ///
    /// - Parameter folder: where the job will write.
    package static func shortages(_ needs: JobNeeds, folder: String) -> [String] {
        var remarks: [String] = []
        if let free = availableMemory(), free < needs.memoryBytes {
            remarks.append(
                "the job needs about \(JobNeeds.gigabytes(needs.memoryBytes)) of memory, this machine has "
                    + "\(JobNeeds.gigabytes(free)) free; checkpointing: true and a smaller batch or resolution need less"
            )
        }
        if let free = freeDisk(folder), free < needs.diskBytes {
            remarks.append(
                "the job needs about \(JobNeeds.gigabytes(needs.diskBytes)) of disk, \(folder) has "
                    + "\(JobNeeds.gigabytes(free)) free")
        }
        return remarks
    }

    /// What the kernel thinks can be had without swapping.
    private static func availableMemory() -> Int64? {
        guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),  // another kernel: unknown
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int64($0) })
        else { return nil }
        return kilobytes * 1024
    }

    private static func freeDisk(_ folder: String) -> Int64? {
        var information = statvfs()
        guard statvfs(folder, &information) == 0 else { return nil }
        return Int64(information.f_bavail) * Int64(information.f_frsize)
    }

    /// Numbers that the U-Net's adapter trains, or a little more: algorithms with small factors count as
    /// LoRA.
    private static func trainable(_ training: TrainingSpec, _ unet: any Denoiser) -> Int64 {
        let targets = LayerTarget.selected(by: training.adapter.layers.unet, in: unet, side: .unet)
        return targets.reduce(0) { $0 + Int64(training.adapter.valueCount(of: $1.geometry)) }
    }
}

/// A job that could not be carried out on any machine: `bad-config`.
package struct JobPreflightError: Error, Equatable, CustomStringConvertible {
    package let message: String

    package var description: String { message }
}
