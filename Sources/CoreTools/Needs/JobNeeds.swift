import Foundation
import RunSpec

/// What a job of the core takes of a machine: estimates, made from configurations and files' headers alone.
///
/// Memory is the largest of four moments: pictures are encoded, steps are trained, images are drawn and
/// decoded, images are measured. The factors were fitted to measured runs (docs/explanation/performance.md
/// has both).
package struct JobNeeds: Equatable, Sendable {
    /// Resident at most, all told.
    package var memoryBytes: Int64
    /// Of that, the largest moment of the training and of the evaluation.
    package var trainingBytes: Int64
    package var evaluationBytes: Int64
    /// Adapters of all listed checkpoints, and the states beside them.
    package var diskBytes: Int64

    package init(memoryBytes: Int64, trainingBytes: Int64, evaluationBytes: Int64, diskBytes: Int64) {
        self.memoryBytes = memoryBytes
        self.trainingBytes = trainingBytes
        self.evaluationBytes = evaluationBytes
        self.diskBytes = diskBytes
    }

    /// What needs the most of either.
    package static func largest(_ needs: [JobNeeds]) -> JobNeeds? {
        guard var largest = needs.first else { return nil }
        for other in needs {
            largest.memoryBytes = max(largest.memoryBytes, other.memoryBytes)
            largest.trainingBytes = max(largest.trainingBytes, other.trainingBytes)
            largest.evaluationBytes = max(largest.evaluationBytes, other.evaluationBytes)
            largest.diskBytes = max(largest.diskBytes, other.diskBytes)
        }
        return largest
    }

    package var description: String {
        let evaluation = evaluationBytes > 0 ? ", evaluation \(Self.gigabytes(evaluationBytes))" : ""
        return "a job needs about \(Self.gigabytes(memoryBytes)) of memory (training \(Self.gigabytes(trainingBytes))"
            + "\(evaluation)) and \(Self.gigabytes(diskBytes)) of disk"
    }

    package static func gigabytes(_ bytes: Int64) -> String {
        let megabytes = Double(bytes) / 1e6
        return megabytes < 1000
            ? "\(Int(megabytes.rounded(.up))) MB" : "\((megabytes / 100).rounded() / 10) GB"
    }
}

/// The sizes that a job's needs follow from.
struct NeedsModel {
    let base: BaseSummary
    let training: TrainingSpec
    let evaluation: EvaluationSpec?
    /// Of the encoders' largest pair.
    let encoderBytes: Int64
    /// Numbers that the adapter trains.
    let trainable: Int64
    let checkpoints: Int

    // Program, data, tokenizer and thread stacks.
    private static let program: Int64 = 150_000_000

    func needs() -> JobNeeds {
        let size = training.data.resolution ?? PixelSize(width: base.imageSide, height: base.imageSide)
        let pixels = Int64(size.width * size.height)
        let latents = pixels / Int64(base.reduction * base.reduction)
        let unet = base.unetElements * (training.keepsHalves ? base.bytesWithoutLoss : 4)
        let text = 4 * base.textElements
        let encoders = 4 * base.autoencoderElements + text
        let trainsText = training.optimiser.textEncoderLearningRate.map { $0 != 0 } ?? false
        // Weight, gradient and two moments.
        let resident = Self.program + unet + 16 * trainable
        let encoding = resident + encoders + 4 * pixels * base.autoencoderWidth * 10
        let batch = Int64(training.data.batch)
        let perPixel = training.gradientCheckpointing ? base.activations / 5 : base.activations
        let steps = resident + (trainsText ? text : 0) + 4 * batch * latents * perPixel
        let trained = max(encoding, steps)
        var evaluated: Int64 = 0
        if evaluation != nil {
            // As `ImageGenerator` draws: large pictures one at a time, each with its unconditional half.
            let together = latents > 1024 ? 1 : max(1, min(16, 8192 / max(1, latents)))
            let drawing = 2 * together * latents * base.activations * 7 / 10
            let decoding = 4 * pixels * base.autoencoderWidth * 8
            // The text encoder is training's own where that trains it. Effective weights are kept up to a
            // limit.
            let held = resident + encoders + min(4 * base.unetElements, 128 << 20)
            evaluated = held + max(drawing, decoding, encoderBytes + Self.program)
        }
        let files = Int64(checkpoints) * 2 * trainable + 2 * 12 * trainable
        return JobNeeds(
            memoryBytes: max(trained, evaluated), trainingBytes: trained, evaluationBytes: evaluated,
            diskBytes: files)
    }
}
