import CoreDiffusion
import CoreTensor
import CoreTraining
import Testing

@Suite("The denoising objective")
struct ObjectiveTests {
    private func objective(gamma: Double? = nil, offset: Double = 0) -> DenoisingObjective {
        DenoisingObjective(schedule: NoiseSchedule(), minSNRGamma: gamma, noiseOffset: offset, seed: 3)
    }

    private func latents(_ count: Int) -> Tensor {
        let latents = Tensor(uninitialized: [count, 4, 4, 4])
        var random = RandomStream(seed: 1, purpose: "test latents")
        random.fillNormal(latents)
        return latents
    }

    @Test("an item's noise depends on seed, step and place, not on its neighbours")
    func streams() {
        let latents = latents(3)
        let three = objective().draw(latents: latents, step: 5)
        let two = objective().draw(latents: slice(latents, batch: 0..<2), step: 5)
        #expect(Array(three.sample.values.prefix(128)) == two.sample.values)
        #expect(Array(three.timesteps.prefix(2)) == two.timesteps)
        #expect(objective().draw(latents: latents, step: 6).target.values != three.target.values)
    }

    @Test("the sample is the published mixture of latents and noise")
    func mixture() {
        // ᾱ at 250 and 750 of Stable Diffusion's schedule, from diffusers.
        for (timestep, alpha) in [(250, 0.67379230), (750, 0.05616980)] {
            let latents = latents(1)
            let batch = objective().fixed(latents: latents, timestep: timestep, items: [0])
            for (index, x) in latents.values.enumerated() {
                let noise = Double(batch.target.values[index])
                let wanted = alpha.squareRoot() * Double(x) + (1 - alpha).squareRoot() * noise
                #expect(abs(Double(batch.sample.values[index]) - wanted) < 2e-6)
            }
        }
    }

    @Test("min-SNR weighs easy timesteps down and leaves noisy ones alone")
    func weights() {
        let batch = objective(gamma: 0.5).draw(latents: latents(16), step: 0)
        for (timestep, weight) in zip(batch.timesteps, batch.weights ?? []) {
            // SNR falls with the timestep and passes 0.5 between 450 (0.54) and 500 (0.38).
            #expect(timestep < 450 ? weight < 1 : timestep < 500 || weight == 1, "\(timestep): \(weight)")
        }
        #expect(batch.weights?.count == 16)
    }

    @Test("a noise offset is constant over an image's plane and differs between channels")
    func offset() {
        let latents = latents(1)
        let plain = objective().draw(latents: latents, step: 2).target.values
        let moved = objective(offset: 0.5).draw(latents: latents, step: 2).target.values
        let differences = zip(moved, plain).map { $0 - $1 }
        for channel in 0..<4 {
            for pixel in 0..<16 { #expect(abs(differences[4 * pixel + channel] - differences[channel]) < 1e-5) }
        }
        #expect(Set(differences.prefix(4)).count == 4)
    }

    @Test("a flow's levels are logit-normal, then shifted, and its target is noise minus picture")
    func flow() {
        var flow = FlowObjective(schedule: FlowSchedule(shift: 3))
        flow.logitDeviation = 0.8
        let objective = DenoisingObjective(
            schedule: NoiseSchedule(), minSNRGamma: nil, noiseOffset: 0, seed: 3, flow: flow)
        let latents = latents(2000)
        let batch = objective.draw(latents: latents, step: 4)
        #expect(batch.timesteps.isEmpty && batch.times.count == 2000 && batch.weights == nil)
        // Quantiles of σ(0.8 z) / (…) for z = -1, 0, 1, shifted by 3: 3u / (1 + 2u).
        let sorted = batch.times.sorted()
        for (share, level) in [(0.1587, 0.5741), (0.5, 0.75), (0.8413, 0.8697)] {
            #expect(abs(Double(sorted[Int(share * 2000)]) / 1000 - level) < 0.02, "\(share)")
        }
        let (clean, noise) = (latents.values, batch.noise.values)
        let (sample, target) = (batch.sample.values, batch.target.values)
        for item in [0, 7, 1999] {
            let level = batch.times[item] / 1000
            for index in item * 64..<(item + 1) * 64 {
                #expect(abs(sample[index] - ((1 - level) * clean[index] + level * noise[index])) < 1e-5)
                #expect(abs(target[index] - (noise[index] - clean[index])) < 1e-6)
            }
        }
        // The noise is that of the other objective: a function of seed, step and place.
        #expect(noise == self.objective().draw(latents: latents, step: 4).noise.values)
    }

    @Test("weights of a flow's levels are those of diffusers' scripts")
    func flowWeights() {
        var flow = FlowObjective(schedule: FlowSchedule())
        flow.weighting = .sigmaSqrt
        #expect(abs(flow.weight(0.25) - 16) < 1e-5)
        flow.weighting = .cosmap
        #expect(
            abs(flow.weight(0.5) - Float(4 / Double.pi)) < 1e-6 && abs(flow.weight(1) - Float(2 / Double.pi)) < 1e-6)
        flow.weighting = .none
        #expect(flow.weight(0.1) == 1)
    }
}
