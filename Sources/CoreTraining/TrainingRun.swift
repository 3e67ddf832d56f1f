import CoreAdapters
import CoreData
package import CoreDiffusion
import CoreNets
package import CoreTensor
package import RunSpec

/// Trains one job's adapter in an attempt folder, from the beginning or from a training state.
///
/// Two runs of the same job on the same machine with the same number of threads give the same bytes, also
/// when one of them was stopped and continued: all chance comes from streams named by (seed, purpose, step,
/// item), and the state holds everything else. Time comes from the clock handed in and decides only when a
/// state is saved.
package final class TrainingRun {
    /// What surrounds a run.
    package struct Surroundings {
        /// Seconds since any fixed point; never goes back.
        package var clock: () -> Double
        /// Asked before each step; true saves a state and ends the run politely.
        package var shouldStop: () -> Bool
        /// Whether it has trained enough: then it ends at once, with what it has.
        package var isEnough: () -> Bool = { false }
        package var progress: (TrainingProgress) -> Void
        /// Called after each listed checkpoint has appeared, with its adapter.
        package var onCheckpoint: (SavedCheckpoint) throws -> Void
        /// Answers mean and logarithm of the variance of a picture's latents, as `make` does, where another
        /// job has made them; nil makes them.
        package var posterior: ((_ pixels: Tensor, _ make: () -> [Float]) -> [Float])?
        /// The same of what a caption tells the network: of its ids, where the text encoders are frozen.
        package var caption: ((_ ids: PromptIDs, _ clipSkip: Int, _ make: () -> [Float]) -> [Float])?
        /// Gets where the seconds go.
        package var times: PhaseTimes
        /// Gets what every step sees; nil for none.
        package var dump: BatchDump?
        /// Remarks for the person or the log.
        package var warn: (String) -> Void

        package init(
            clock: @escaping () -> Double, shouldStop: @escaping () -> Bool = { false },
            progress: @escaping (TrainingProgress) -> Void = { _ in },
            onCheckpoint: @escaping (SavedCheckpoint) throws -> Void = { _ in },
            warn: @escaping (String) -> Void = { _ in }
        ) {
            self.clock = clock
            times = PhaseTimes(clock: clock)
            self.shouldStop = shouldStop
            self.progress = progress
            self.onCheckpoint = onCheckpoint
            self.warn = warn
        }
    }

    let job: TrainingJob
    let folder: AttemptFolder
    let surroundings: Surroundings
    let model: TrainedModel
    let material: TrainingMaterial
    let objective: DenoisingObjective
    let optimiser: AdamW
    let order: EpochOrder
    let checkpoints: CheckpointSteps
    let metrics: MetricsLog
    /// Optimiser steps done.
    package private(set) var step = 0
    /// Continued under other kernels or another thread count at least once.
    private(set) var inexact = false
    var lastState: Double

    /// Loads base, data and adapter; with `resume` also a training state.
    ///
    /// - Parameters:
    ///   - out: the attempt folder; made if it is not there.
    ///   - resume: a checkpoint folder with `state.json` and `state.safetensors`.
    ///   - tokenizer: the tokenizer's folder for a base in one file; nil looks beside the file.
    /// - Throws: `TrainingError` for a job that the core cannot do or a state of another job; `DataError`,
    ///   `DiffusionError`, `AdapterError`, `NetsError` and `TensorError` for inputs that cannot be used.
    package init(
        job: TrainingJob, out: String, resume: String? = nil, tokenizer: String? = nil, surroundings: Surroundings
    ) throws {
        try JobLimits.check(job)
        self.job = job
        self.surroundings = surroundings
        folder = AttemptFolder(out)
        let split = job.evaluation?.holdout.map { HeldOutSplit(share: $0, seed: job.training.seed) }
        let data = try ConceptDataSet(path: job.data).holdingOut(split)
        data.warnings.forEach(surroundings.warn)
        let regularisation = try job.regData.map { try ConceptDataSet(path: $0) }
        regularisation?.warnings.forEach(surroundings.warn)
        try JobLimits.checkPairs(job, isPaired: data.isPaired, isDumped: surroundings.dump != nil)
        model = try TrainedModel(job: job, tokenizer: tokenizer, isPaired: data.isPaired)
        if surroundings.dump != nil { try JobLimits.checkDump(job, trainsText: model.trainsText) }
        let seed = UInt64(job.training.seed)
        material = try surroundings.times.within(.encoding) { [model] in
            try TrainingMaterial(
                data: data, regularisation: regularisation, model: model, training: job.training,
                posterior: surroundings.posterior, caption: surroundings.caption)
        }
        model.releaseEncoders()
        material.warnings.forEach(surroundings.warn)
        objective = DenoisingObjective(
            schedule: model.schedule, minSNRGamma: job.training.loss.minSNRGamma,
            noiseOffset: job.training.loss.noiseOffset, seed: seed, flow: model.flowObjective)
        optimiser = model.optimiser(job.training.optimiser)
        order = EpochOrder(groups: material.visits, batch: job.training.data.batch, seed: seed)
        let stepsPerEpoch =
            (order.stepsPerEpoch + job.training.optimiser.gradientAccumulation - 1)
            / job.training.optimiser.gradientAccumulation
        checkpoints = CheckpointSteps(
            plan: job.checkpoints, epochs: job.training.data.epochs, stepsPerEpoch: stepsPerEpoch)
        try DurableFolder.create(folder.checkpoints)
        metrics = try MetricsLog(path: folder.metrics, clock: surroundings.clock)
        lastState = surroundings.clock()
        if let resume { try restore(from: resume) }
    }

    /// What an evaluation need not load again; only inside `lending` it is as the base has it.
    package var loadedNetworks: LoadedNetworks { model.loadedNetworks }

    /// Lends the loaded networks as the base has them: the adapter that is trained is off them meanwhile, and
    /// memory that only training uses is given back.
    ///
    /// - Throws: what `body` throws.
    package func lending<R>(_ body: () throws -> R) rethrows -> R {
        model.adapters.detach()
        Compute.releaseIdleBuffers()
        defer {
            Compute.releaseIdleBuffers()
            model.adapters.attach()
        }
        return try body()
    }

    /// Of the steps alone: losses on held-out images are measured in f32.
    var precision: Precision { job.training.precision.flatMap(Precision.init(rawValue:)) ?? .f32 }

    /// Steps of the whole job.
    package var total: Int { checkpoints.total }

    /// - Throws: `TrainingError` with `diverged` when the loss is no longer a number.
    package func run() throws -> TrainingOutcome {
        lastState = surroundings.clock()
        surroundings.times.enter(.training)
        if let dump = surroundings.dump { try model.adapters.save(to: dump.adapterPath, type: .f32) }
        if step == 0 {
            try metrics.append(MetricLine(step: 0, values: ["validation_loss": validationLoss()]))
        } else if checkpoints.keeps(step), !hasAdapter(step) {
            // The state outlived its adapter: the tensors are here again, so the file can be.
            try surroundings.onCheckpoint(try save(adapter: true))
        }
        while step < total {
            if step > 0, surroundings.isEnough() { return try endEarly() }
            if surroundings.shouldStop() {
                if step > 0, !hasState(step) { _ = try save(adapter: checkpoints.keeps(step)) }
                try finish()
                return .stopped(step: step)
            }
            try trainStep()
            if checkpoints.keeps(step) {
                try surroundings.onCheckpoint(try save(adapter: true))
            } else if surroundings.clock() - lastState >= job.checkpoints.stateEverySeconds {
                _ = try save(adapter: false)
            }
        }
        try finish()
        return .finished
    }

    /// Makes what is there the job's result.
    private func endEarly() throws -> TrainingOutcome {
        if !isLast(step) {
            // A checkpoint that was told of already is not told of again as the last.
            if hasAdapter(step) || hasState(step) { try trainStep() }
            if !checkpoints.keeps(step) {
                try metrics.append(MetricLine(step: step, values: ["validation_loss": validationLoss()]))
            }
            try surroundings.onCheckpoint(try save(adapter: true, isLast: true))
        }
        try finish()
        return .finished
    }

    /// Adds numbers of the whole attempt to the metrics of its last step.
    ///
    /// - Throws: the file's error.
    package func note(_ values: [String: Double]) throws {
        try metrics.append(MetricLine(step: step, values: values))
        try metrics.flush(sync: true)
    }

    private func finish() throws {
        try metrics.flush(sync: true)
        try surroundings.dump?.write()
    }

    /// One optimiser step, its metrics included.
    private func trainStep() throws {
        let start = surroundings.clock()
        let training = job.training
        let factor = training.optimiser.rateFactor(step: step, total: total)
        model.adapters.step = step
        var loss = 0.0
        let batches = microBatches(ofStep: step)
        for batch in batches {
            loss += try accumulate(batch, share: 1 / Float(batches.count)) / Double(batches.count)
        }
        let norm = clipGradients(model.tensors, maxNorm: Float(training.optimiser.maxGradNorm))
        guard loss.isFinite, norm.isFinite else { throw diverged(loss: loss, norm: Double(norm)) }
        optimiser.step(rate: factor)
        model.adapters.limitNorms(to: training.adapter.scaleWeightNorms)
        optimiser.zeroGradients()
        step += 1
        let rate = training.optimiser.learningRate * Double(factor)
        let seconds = surroundings.clock() - start
        var values = ["loss": loss, "lr": rate, "grad_norm": Double(norm), "seconds": seconds]
        if checkpoints.keeps(step) {
            values["validation_loss"] = validationLoss()
            values["memory_mb"] = Compute.peakMegabytes
        }
        try metrics.append(MetricLine(step: step, values: values))
        surroundings.progress(
            TrainingProgress(step: step, total: total, loss: loss, learningRate: rate, seconds: seconds))
    }

    /// Forward and backward of one batch; gradients add up.
    ///
    /// - Returns: the batch's loss, not scaled by `share`.
    private func accumulate(_ micro: Int, share: Float) throws -> Double {
        try precision.apply { try accumulateInPrecision(micro, share: share) }
    }

    private func accumulateInPrecision(_ micro: Int, share: Float) throws -> Double {
        let items = order.indices(step: micro)
        let batch = objective.draw(
            latents: material.latents(of: items, step: micro, training: job.training), step: micro,
            itemWeights: material.weights(of: items, training: job.training))
        let condition = material.condition(of: items, step: micro, model: model, training: job.training)
        if let dump = surroundings.dump {
            let ids = model.trainsText ? material.ids(of: items, step: micro, training: job.training) : nil
            dump.add(step: step, batch, condition, ids: ids)
        }
        let answer = model.predict(batch, condition)
        let loss = objective.loss(answer, batch)
        (share == 1 ? loss : scaled(loss, by: share)).backward()
        return Double(loss.item())
    }

    /// The batches, counted over the whole job, that make an optimiser step; the last step of an epoch may
    /// have fewer.
    private func microBatches(ofStep step: Int) -> Range<Int> {
        let accumulation = job.training.optimiser.gradientAccumulation
        let stepsPerEpoch = total / job.training.data.epochs
        let epochStart = step / stepsPerEpoch * order.stepsPerEpoch
        let first = step % stepsPerEpoch * accumulation
        return epochStart + first..<epochStart + min(first + accumulation, order.stepsPerEpoch)
    }

    private func diverged(loss: Double, norm: Double) -> TrainingError {
        TrainingError(
            code: .diverged,
            message:
                "step \(step + 1): loss \(loss), gradient norm \(norm): not a number any more; lower the learning rate")
    }

    private func restore(from resume: String) throws {
        let state = try TrainingState.position(in: resume)
        let here = Compute.description(of: precision)
        try TrainingState.check(state, against: job, total: total, folder: resume)
        try model.restore(optimiser, from: "\(resume)/\(AttemptFolder.stateTensorsName)", step: state.step)
        step = state.step
        inexact = state.inexact || state.compute != here
        if state.compute != here {
            surroundings.warn(
                "the state was made with \(state.compute), this machine has \(here): the result may differ in the last bits"
            )
        }
    }
}
