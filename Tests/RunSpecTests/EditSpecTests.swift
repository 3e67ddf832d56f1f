import RunSpec
import Testing

@Suite("Parameters of edits")
struct EditSpecTests {
    @Test("each method has its own parameters at the published defaults, and nothing of a training")
    func defaults() throws {
        // Typed from the papers and the ports that the methods follow, not from the code.
        let steps: [String: ParameterValue] = ["steps": 28]
        let inverting: [String: ParameterValue] = ["gamma": 0.5, "eta": 0.9, "eta_start": 0, "eta_stop": 0.25]
        let expected: [String: [String: ParameterValue]] = [
            "flowedit": ["n_max": 24, "n_min": 0, "n_avg": 1, "source_guidance": 1.5, "target_guidance": 5.5],
            "sdedit": ["guidance": 3.5, "strength": 0.6],
            "rf-inversion": inverting.merging(["guidance": 3.5]) { $1 },
            "fluxspace": inverting.merging(
                ["guidance": 3.5, "variant": "length-keeping", "coarse": 0, "fine": 0, "tau": 0.5, "start": 0]
            ) { $1 },
        ]
        #expect(Set(expected.keys) == Set(EditMethod.allCases.map(\.rawValue)))
        for (method, own) in expected {
            let resolved = try ParameterTable.resolve(["algorithm": .text(method)])
            let all = own.merging(steps) { $1 }.merging(["algorithm": .text(method)]) { $1 }
            #expect(resolved.parameters == all, "\(method)")
            #expect(resolved.dropped.isEmpty)
            #expect(try EditSpec(resolved: resolved.parameters) == EditSpec(try #require(EditMethod(rawValue: method))))
        }
    }

    @Test("what a method or an algorithm cannot use is told and in no id")
    func dropped() throws {
        let edit = try ParameterTable.resolve([
            "algorithm": "sdedit", "strength": 0.3, "coarse": 0.5, "lr": 1e-3, "resolution": 64,
        ])
        #expect(edit.dropped.map(\.name) == ["coarse", "lr"] && edit.dropped[0].reason == "sdedit has no coarse")
        #expect(edit.parameters["strength"] == 0.3 && edit.parameters["resolution"] == 64)
        let training = try ParameterTable.resolve(["algorithm": "lora", "strength": 0.3, "steps": 4])
        #expect(training.dropped.map(\.name) == ["steps", "strength"])
        #expect(training.parameters == (try ParameterTable.resolve(["algorithm": "lora"]).parameters))
    }

    @Test("a spec reads what was resolved")
    func typed() throws {
        let parameters = try ParameterTable.resolve([
            "algorithm": "fluxspace", "variant": "free", "fine": 0.7, "stop": 9, "start": 2, "resolution": [64, 32],
        ]).parameters
        let spec = try EditSpec(resolved: parameters)
        #expect(spec.method == .fluxspace && spec.variant == .free && spec.fine == 0.7)
        #expect(spec.start == 2 && spec.stop == 9 && spec.size == PixelSize(width: 64, height: 32))
    }

    @Test(
        "values that are impossible, alone or together, are refused by name",
        arguments: [
            ("n_max", ["algorithm": "flowedit", "steps": 8]),
            ("n_max", ["algorithm": "flowedit", "n_max": 4, "n_min": 6]),
            ("start", ["algorithm": "fluxspace", "start": 5, "stop": 3]),
            ("coarse", ["algorithm": "fluxspace", "coarse": 1.5]), ("eta", ["algorithm": "rf-inversion", "eta": -0.1]),
            ("strength", ["algorithm": "sdedit", "strength": 1.2]),
            ("variant", ["algorithm": "fluxspace", "variant": "loud"]),
        ] as [(String, [String: ParameterValue])])
    func refused(parameter: String, given: [String: ParameterValue]) {
        #expect {
            try ParameterTable.resolve(given)
        } throws: { error in
            (error as? RunSpecError)?.parameter == parameter
        }
    }
}
