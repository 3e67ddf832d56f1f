import RunSpec
import Testing

@Suite("Which metrics are made")
struct MetricSelectionTests {
    @Test("unasked, the base's own encoders make what they always made, and named ones more")
    func usual() {
        let usual = MetricSelection.usual
        #expect(usual.wants("paired_fidelity") && usual.wants("vendi") && usual.wants("style_distance"))
        #expect(!usual.wants("kid") && usual.wants("kid", role: .dinov2, encoder: "d"))
        #expect(!usual.wants("vendi_q2") && !usual.wants("vendi_q2", role: .dinov2, encoder: "d"))
        let types: [PromptType] = [.train, .style]
        #expect(usual.drawn(types) == types)
    }

    @Test("a wanted key means the metric of whatever measures it, of the base alone, of a role, or of one encoder")
    func wanted() {
        func wants(_ key: String, _ role: EncoderRole?, _ encoder: String?) -> Bool {
            MetricSelection([key]).wants("vendi", role: role, encoder: encoder)
        }
        #expect(wants("vendi", nil, nil) && wants("vendi", .dinov2, "dinov2-vits14-abc"))
        #expect(wants("vendi@", nil, nil) && !wants("vendi@", .dinov2, "dinov2-vits14-abc"))
        #expect(!wants("vendi@dinov2", nil, nil) && wants("vendi@dinov2", .dinov2, "dinov2-vits14-abc"))
        #expect(wants("vendi@dinov2-vits14-abc", .dinov2, "dinov2-vits14-abc"))
        #expect(!wants("vendi@dinov2-vitb14-abc", .dinov2, "dinov2-vits14-abc") && !wants("kid", nil, nil))
        // The floor and the bound come with the metric.
        #expect(wants("base_vendi", nil, nil) && MetricSelection(["vendi"]).wants("base_vendi"))
    }

    @Test("only images are drawn that a wanted metric needs, in the types' order")
    func drawn() {
        func drawn(_ keys: [String], holdout: Double? = nil) -> [PromptType] {
            EvaluationSpec(prompts: PromptType.choices, holdout: holdout, metrics: keys).drawn
        }
        #expect(drawn(["style_distance"]) == [.style])
        #expect(drawn(["paired_fidelity"]) == [.train])
        #expect(drawn(["paired_fidelity@dinov2"], holdout: 0.2) == [.train, .holdout])
        #expect(drawn(["clip_direction"]) == [.trigger, .alter])
        #expect(drawn(["leakage", "style_distance"]) == [.style, .conceptFree])
        #expect(drawn(["adapter_norm"]).isEmpty)
        #expect(drawn(["vendi_q0.5"]) == PromptType.choices)
        #expect(EvaluationSpec(prompts: [.style], metrics: ["paired_fidelity"]).drawn.isEmpty)
    }

    @Test("what no evaluation makes is named, with what was probably meant")
    func unknown() {
        let found = MetricSelection(["vendi", "kid@dinov2", "vendi_qinf", "paired_fidelty", "vendi_qx"]).unknown
        #expect(found.map(\.key) == ["paired_fidelty", "vendi_qx"])
        #expect(found.map(\.nearest) == ["paired_fidelity", nil])
        #expect(MetricSelection(["vendi_q2", "vendi_qinf@clip"]).vendiOrders.map(\.order) == [2, .infinity])
    }

    @Test("every metric of the core is one that people can read about, and its usual prompts are among its own")
    func described() {
        for metric in EvaluationMetric.known {
            let info = MetricInfo.known.first { $0.name == metric.name }
            #expect(info != nil, "\(metric.name)")
            if let info, !metric.prompts.isEmpty {
                #expect(metric.prompts.map(\.rawValue).contains(info.prompts), "\(metric.name): \(info.prompts)")
            }
            #expect(metric.needs.isSuperset(of: metric.prompts), "\(metric.name)")
        }
        let order = MetricInfo.of("vendi_q2@dinov2-vits14-abc")
        #expect(
            order.isDirectionKnown && !order.lowerIsBetter
                && order.title == "Vendi diversity, order 2, dinov2-vits14-abc")
        #expect(MetricInfo.of("base_kid@clip-vitl14-abc").lowerIsBetter && MetricInfo.of("cmmd").lowerIsBetter)
        #expect(!MetricInfo.of("saturation").isDirectionKnown && !MetricInfo.of("psnr").lowerIsBetter)
    }
}
