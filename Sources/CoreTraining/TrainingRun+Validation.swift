import CoreAdapters
import CoreData
import CoreDiffusion
import CoreTensor
import RunSpec

extension TrainingRun {
    // Enough to be smooth, few enough to cost less than five training steps.
    private static let validationImages = 16
    private static let validationShares = [0.1, 0.3, 0.5, 0.7, 0.9]

    /// Mean squared error on the first training images at fixed timesteps and noise.
    ///
    /// The training loss jumps with the timesteps drawn; this one can be compared between checkpoints and jobs.
    func validationLoss() -> Double {
        let items = Array(0..<min(Self.validationImages, material.latents.count))
        return withoutGradients {
            model.adapters.isTraining = false
            defer { model.adapters.isTraining = true }
            var sum = 0.0
            for share in Self.validationShares {
                let timestep = Int(share * Double(objective.schedule.timestepCount))
                for start in stride(from: 0, to: items.count, by: job.training.batch) {
                    let part = Array(items[start..<min(start + job.training.batch, items.count)])
                    let batch = objective.fixed(
                        latents: material.latents.batch(part), timestep: timestep, items: part)
                    let context = material.context(of: part, model: model, training: job.training)
                    let error = meanSquaredError(model.predict(batch, context: context), batch.target)
                    sum += Double(error.item()) * Double(part.count)
                }
            }
            return sum / Double(items.count * Self.validationShares.count)
        }
    }
}
