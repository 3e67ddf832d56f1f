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
}
