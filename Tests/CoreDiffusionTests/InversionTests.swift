import CoreDiffusion
import CoreTensor
import Testing

/// `Fixtures/generate_edits.py` has the reference in PyTorch and makes the dumps.
@Suite("SDEdit and RF-Inversion against a reference in PyTorch, and their identities")
struct InversionTests {
    private struct Setting {
        let fixture: Fixture
        let flux: FluxTransformer2DModel
        let picture: Tensor
        let noise: Tensor
        let levels: [Float]

        init() throws {
            fixture = try Fixture("flux-edit")
            flux = try FluxTransformer2DModel(folder: fixture.folder)
            picture = try fixture.image("latents")
            noise = try fixture.image("noise.0.0")
            levels = try fixture.tensor("levels").values
        }

        func velocity(_ prompt: String, guidance: Float) throws -> (Tensor, Float, Int) -> Tensor {
            let condition = TextCondition(
                states: try fixture.tensor(prompt + ".states"), pooled: try fixture.tensor(prompt + ".pooled"))
            return { [flux] latents, level, _ in
                FlowEdit.velocity(
                    latents, time: level * 1000, network: flux, prompt: .init(condition), guidance: guidance)
            }
        }
    }

    private static func inversion(gamma: Float, eta: Float, _ steered: Range<Int> = 1..<3) -> RFInversion {
        var inversion = RFInversion()
        (inversion.steps, inversion.gamma, inversion.eta) = (4, gamma, eta)
        (inversion.firstStep, inversion.endStep) = (steered.lowerBound, steered.upperBound)
        return inversion
    }

    @Test("every step of SDEdit is the reference's")
    func sdedit() throws {
        let setting = try Setting()
        var edit = SDEdit()
        (edit.steps, edit.strength) = (4, 0.75)
        var steps: [Tensor] = []
        let result = edit.edit(
            setting.picture, levels: setting.levels, noise: setting.noise,
            velocity: try setting.velocity("edit", guidance: 2.5), progress: { steps.append($0) })
        #expect(steps.count == 3 && result.values == steps.last?.values)
        for (step, latents) in steps.enumerated() {
            #expect(distance(latents, try setting.fixture.image("sdedit.\(step)")) < 1e-5, "step \(step)")
        }
    }

    @Test("SDEdit of strength 0 returns the picture bit for bit; of strength 1 nothing of it stays")
    func strengths() throws {
        let setting = try Setting()
        var edit = SDEdit()
        edit.steps = 4
        let velocity = try setting.velocity("edit", guidance: 2.5)
        func edited(_ picture: Tensor, _ strength: Double) -> [Float] {
            edit.strength = strength
            return edit.edit(picture, levels: setting.levels, noise: setting.noise, velocity: velocity).values
        }
        #expect(edited(setting.picture, 0) == setting.picture.values)
        #expect(edited(setting.picture, 1) == edited(scaled(setting.picture, by: -3), 1))
        #expect(edited(setting.picture, 0.5) != edited(scaled(setting.picture, by: -3), 0.5))
        edit.steps = 10
        // As diffusers counts: 10 − 7 steps are skipped, and of 10 − 2.5 the half one as well.
        edit.strength = 0.7
        #expect(edit.firstStep == 3)
        edit.strength = 0.25
        #expect(edit.firstStep == 7)
    }

    @Test("every step of RF-Inversion, there and back, is the reference's")
    func inversion() throws {
        let setting = try Setting()
        let inversion = Self.inversion(gamma: 0.5, eta: 0.7)
        var (there, back): ([Tensor], [Tensor]) = ([], [])
        let noise = inversion.invert(
            setting.picture, levels: setting.levels, noise: setting.noise,
            velocity: try setting.velocity("null", guidance: 0), progress: { there.append($0) })
        let result = inversion.redraw(
            noise, picture: setting.picture, levels: setting.levels,
            velocity: try setting.velocity("edit", guidance: 2.5), progress: { back.append($0) })
        #expect(there.count == 4 && back.count == 4)
        #expect(noise.values == there.last?.values && result.values == back.last?.values)
        for step in 0..<4 {
            #expect(distance(there[step], try setting.fixture.image("inverted.\(step)")) < 1e-5, "there \(step)")
            #expect(distance(back[step], try setting.fixture.image("redrawn.\(step)")) < 1e-5, "back \(step)")
        }
    }

    @Test("steered all the way, the way there ends at the noise, and the way back at the picture")
    func steered() throws {
        let setting = try Setting()
        let whole = Self.inversion(gamma: 1, eta: 1, 0..<4)
        let velocity = try setting.velocity("edit", guidance: 2.5)
        let noise = whole.invert(
            setting.picture, levels: setting.levels, noise: setting.noise, velocity: velocity)
        #expect(distance(noise, setting.noise) < parity)
        let back = whole.redraw(setting.noise, picture: setting.picture, levels: setting.levels, velocity: velocity)
        #expect(distance(back, setting.picture) < parity)
        // Not steered, neither does.
        let free = Self.inversion(gamma: 0, eta: 0, 0..<4)
        let own = free.invert(setting.picture, levels: setting.levels, noise: setting.noise, velocity: velocity)
        #expect(distance(own, setting.noise) > 0.1)
        let drawn = free.redraw(setting.noise, picture: setting.picture, levels: setting.levels, velocity: velocity)
        #expect(distance(drawn, setting.picture) > 0.1)
    }

    @Test("not steered, the way back is the sampler's")
    func plain() throws {
        let setting = try Setting()
        let velocity = try setting.velocity("edit", guidance: 2.5)
        let free = Self.inversion(gamma: 0, eta: 0.7, 0..<0)
        let drawn = free.redraw(setting.noise, picture: setting.picture, levels: setting.levels, velocity: velocity)
        var edit = SDEdit()
        (edit.steps, edit.strength) = (4, 1)
        let sampled = edit.edit(setting.picture, levels: setting.levels, noise: setting.noise, velocity: velocity)
        #expect(drawn.values == sampled.values)
    }

    @Test("the spread of every fine change is the reference's", arguments: ["A", "B"])
    func spreads(name: String) throws {
        let setting = try Setting()
        let fixture = setting.fixture
        func prompt(_ name: String) throws -> TextCondition {
            TextCondition(
                states: try fixture.tensor(name + ".states"), pooled: try fixture.tensor(name + ".pooled"))
        }
        let prompts = FluxSpace.Prompts(
            base: try prompt("base"), edit: try prompt("edit"), null: try prompt("null"))
        var space = FluxSpace(name == "A" ? .lengthKeeping : .free(maskWords: [1, 2]))
        (space.coarse, space.fine, space.tau, space.start) = (0.6, name == "A" ? 5 : 0.7, 0.5, 1)
        var latents = setting.picture
        var spreads: [Float] = []
        for step in 0..<4 {
            let velocity = withoutGradients {
                setting.flux.predict(
                    latents, level: setting.levels[step], guidance: 2.5, prompts: prompts, space: space, step: step
                ) { spreads.append($0) }
            }
            latents = add(latents, scaled(velocity, by: setting.levels[step + 1] - setting.levels[step]))
        }
        let expected = try fixture.tensor("\(name).spreads").values
        #expect(spreads.count == expected.count && spreads.count == 9)
        for (spread, reference) in zip(spreads, expected) { #expect(abs(spread / reference - 1) < 1e-4) }
    }
}
