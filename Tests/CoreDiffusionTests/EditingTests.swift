import CoreDiffusion
import CoreTensor
import Testing

/// `Fixtures/generate_edits.py` has the reference in PyTorch and makes the dumps.
@Suite("FluxSpace and FlowEdit against a reference in PyTorch, and their identities")
struct EditingTests {
    private struct Setting {
        let fixture: Fixture
        let flux: FluxTransformer2DModel
        let latents: Tensor
        let levels: [Float]
        let prompts: FluxSpace.Prompts

        init() throws {
            fixture = try Fixture("flux-edit")
            flux = try FluxTransformer2DModel(folder: fixture.folder)
            latents = try fixture.image("latents")
            levels = try fixture.tensor("levels").values
            let fixture = self.fixture
            func prompt(_ name: String) throws -> TextCondition {
                TextCondition(
                    states: try fixture.tensor(name + ".states"), pooled: try fixture.tensor(name + ".pooled"))
            }
            prompts = FluxSpace.Prompts(
                base: try prompt("base"), edit: try prompt("edit"), null: try prompt("null"))
        }

        func velocity(_ space: FluxSpace, prompts: FluxSpace.Prompts? = nil, step: Int = 2) -> Tensor {
            withoutGradients {
                flux.predict(
                    latents, level: 0.5625, guidance: 2.5, prompts: prompts ?? self.prompts, space: space, step: step)
            }
        }

        /// The network alone.
        func plain() -> Tensor {
            var condition = prompts.base
            condition.guidance = 2.5
            return withoutGradients {
                flux.predict(latents, times: [562.5, 562.5], condition: condition, cache: nil)
            }
        }
    }

    private static func space(_ variant: FluxSpace.Variant, coarse: Float, fine: Float, tau: Float = 0.5) -> FluxSpace {
        var space = FluxSpace(variant)
        (space.coarse, space.fine, space.tau, space.start) = (coarse, fine, tau, 1)
        return space
    }

    private static let variants: [(name: String, variant: FluxSpace.Variant, fine: Float)] = [
        ("A", .lengthKeeping, 5), ("B", .free(maskWords: [1, 2]), 0.7),
    ]

    @Test("every step of both variants is the reference's", arguments: [0, 1])
    func fluxSpaceSteps(index: Int) throws {
        let setting = try Setting()
        let (name, variant, fine) = Self.variants[index]
        let space = Self.space(variant, coarse: 0.6, fine: fine)
        var latents = setting.latents
        for step in 0..<4 {
            let velocity = withoutGradients {
                setting.flux.predict(
                    latents, level: setting.levels[step], guidance: 2.5, prompts: setting.prompts, space: space,
                    step: step)
            }
            latents = add(latents, scaled(velocity, by: setting.levels[step + 1] - setting.levels[step]))
            #expect(distance(latents, try setting.fixture.image("\(name).\(step)")) < 1e-5, "step \(step)")
        }
    }

    @Test("scales of 0, and steps before the start, are the network alone, bit for bit", arguments: [0, 1])
    func nothing(index: Int) throws {
        let setting = try Setting()
        let variant = Self.variants[index].variant
        let plain = setting.plain().values
        #expect(setting.velocity(Self.space(variant, coarse: 0, fine: 0)).values == plain)
        // The fine change waits for its start in both, the coarse one in the second.
        let coarse: Float = variant.coarseWaits ? 0.6 : 0
        let early = setting.velocity(Self.space(variant, coarse: coarse, fine: 3), step: 0)
        #expect(early.values == plain)
        var late = Self.space(variant, coarse: coarse, fine: 3)
        late.stop = 1
        late.coarse = 0
        #expect(setting.velocity(late).values == plain)
    }

    @Test("an edit that says what the base says only shortens the pooled prompt; one that says nothing changes nothing")
    func equalPrompts() throws {
        let setting = try Setting()
        let (base, null) = (setting.prompts.base, setting.prompts.null)
        let space = Self.space(.lengthKeeping, coarse: 0.6, fine: 5)
        let pooled = try #require(base.pooled)
        #expect(distance(space.pooled(base: pooled, edit: pooled), scaled(pooled, by: 0.4)) < 1e-6)
        // Edit = null: what is orthogonal to itself is 0.
        for (_, variant, fine) in Self.variants {
            let nothing = setting.velocity(
                Self.space(variant, coarse: 0, fine: fine, tau: 0), prompts: .init(base: base, edit: null, null: null))
            #expect(distance(nothing, setting.plain()) < 1e-6)
        }
    }

    @Test("a threshold of 0 changes every token, one above 1 none")
    func thresholds() throws {
        let setting = try Setting()
        let plain = setting.plain()
        for (_, variant, fine) in Self.variants {
            let none = setting.velocity(Self.space(variant, coarse: 0, fine: fine, tau: 1.01))
            #expect(distance(none, plain) < 1e-6)
            let all = setting.velocity(Self.space(variant, coarse: 0, fine: fine, tau: 0))
            let some = setting.velocity(Self.space(variant, coarse: 0, fine: fine, tau: 0.5))
            #expect(distance(all, plain) > 1e-2 && distance(some, plain) > 1e-2 && distance(all, some) > 1e-3)
        }
    }

    @Test("the fine change is orthogonal to the empty prompt's result, and the first variant keeps lengths")
    func orthogonality() {
        var stream = RandomStream(seed: 3, purpose: "test")
        let tensors = (0..<3).map { _ in
            let tensor = Tensor(uninitialized: [2, 5, 12])
            stream.fillNormal(tensor)
            return tensor
        }
        let space = Self.space(.lengthKeeping, coarse: 0, fine: 5)
        let change = FluxSpace.orthogonal(tensors[1], to: tensors[2], epsilon: 1e-10)
        let changed = space.changed(
            tensors[0], edit: tensors[1], null: tensors[2], mask: (0..<10).map { $0 % 3 == 0 ? 0 : 1 })
        for token in 0..<10 {
            func row(_ tensor: Tensor) -> [Double] { tensor.values[token * 12..<token * 12 + 12].map(Double.init) }
            func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
            #expect(abs(dot(row(change), row(tensors[2]))) < 1e-5)
            let (before, after) = (dot(row(tensors[0]), row(tensors[0])), dot(row(changed), row(changed)))
            #expect(abs(before / after - 1) < 1e-5)
            #expect((row(changed) == row(tensors[0])) == (token % 3 == 0))
        }
    }

    @Test(
        "every step of FlowEdit is the reference's, with a mean of two draws, and with a tail",
        arguments: ["edit", "tail"])
    func flowEdit(label: String) throws {
        let setting = try Setting()
        var edit = FlowEdit()
        (edit.steps, edit.sourceGuidance, edit.targetGuidance) = (4, 1.5, 3)
        (edit.mostSteps, edit.leastSteps, edit.average) = label == "edit" ? (3, 0, 2) : (4, 2, 1)
        let noise = try Self.noise(setting.fixture)
        var steps: [Tensor] = []
        let result = edit.edit(
            setting.latents, network: setting.flux, levels: setting.levels, source: .init(setting.prompts.base),
            target: .init(setting.prompts.edit), noise: { noise["\($0).\($1)"] ?? setting.latents },
            progress: { steps.append($0) })
        #expect(steps.count == edit.mostSteps && result.values == steps.last?.values)
        for (step, latents) in steps.enumerated() {
            #expect(distance(latents, try setting.fixture.image("flow.\(label).\(step)")) < 1e-5, "step \(step)")
        }
    }

    @Test("FlowEdit with a second pass for guidance, on Stable Diffusion 3, is the reference's")
    func flowEditOfSD3() throws {
        let fixture = try Fixture("sd3-edit")
        let network = try SD3Transformer2DModel(folder: fixture.folder)
        func prompt(_ name: String) throws -> TextCondition {
            TextCondition(states: try fixture.tensor(name + ".states"), pooled: try fixture.tensor(name + ".pooled"))
        }
        let null = try prompt("null")
        var edit = FlowEdit()
        (edit.steps, edit.mostSteps, edit.sourceGuidance, edit.targetGuidance) = (4, 3, 3.5, 7.5)
        let noise = try Self.noise(fixture)
        let picture = try fixture.image("latents")
        var steps: [Tensor] = []
        _ = edit.edit(
            picture, network: network, levels: try fixture.tensor("levels").values,
            source: .init(try prompt("base"), negative: null), target: .init(try prompt("edit"), negative: null),
            noise: { noise["\($0).\($1)"] ?? picture }, progress: { steps.append($0) })
        #expect(steps.count == 3)
        for (step, latents) in steps.enumerated() {
            #expect(distance(latents, try fixture.image("flow.edit.\(step)")) < 2e-5, "step \(step)")
        }
    }

    @Test("FlowEdit with equal prompts and guidances returns the picture bit for bit")
    func flowEditOfNothing() throws {
        let setting = try Setting()
        var edit = FlowEdit()
        (edit.steps, edit.mostSteps, edit.average, edit.sourceGuidance, edit.targetGuidance) = (4, 4, 2, 3, 3)
        let noise = try Self.noise(setting.fixture)
        func edited() -> [Float] {
            edit.edit(
                setting.latents, network: setting.flux, levels: setting.levels, source: .init(setting.prompts.base),
                target: .init(setting.prompts.base), noise: { noise["\($0).\($1)"] ?? setting.latents }
            ).values
        }
        #expect(edited() == setting.latents.values)
        edit.targetGuidance = 4
        #expect(edited() != setting.latents.values)
    }

    private static func noise(_ fixture: Fixture) throws -> [String: Tensor] {
        var noise: [String: Tensor] = [:]
        for step in 0..<4 {
            for draw in 0..<2 { noise["\(step).\(draw)"] = try fixture.image("noise.\(step).\(draw)") }
        }
        return noise
    }
}
