import Foundation
import RunSpec
import SweepAnalysis
import SweepModel
import Testing

@Suite("Model card")
struct ModelCardTests {
    /// Three configurations with two seeds; a and b cannot be told apart, c is far off.
    private var sweep: MadeSweep {
        var sweep = MadeSweep()
        for (name, fidelity) in [("a", 0.80), ("b", 0.79), ("c", 0.40)] {
            for (seed, move) in [(1, -0.01), (2, 0.02)] {
                sweep.addDemo(name, seed: seed, fidelity: fidelity + move, loss: 0.2 - fidelity / 10)
            }
        }
        return sweep
    }

    private func card(_ job: String, _ answer: SweepAnswer?) -> ModelCard {
        var card = ModelCard(
            name: "made-a-epoch-10", sweep: "made", job: job, checkpoint: "step-100", epoch: 10, step: 100, seed: 2,
            given: ["algorithm": "loha", "lr": 5e-4], parameters: ["algorithm": "loha", "lr": 5e-4, "dim": 4])
        card.base = .init(path: "/models/my base", digest: "bb")
        card.data = .init(path: "/data/cats", digest: "dd")
        card.triggers = [.init(word: "veko", className: "cat"), .init(word: "", className: "dog")]
        card.files = [("it.safetensors", "ff")]
        card.sheet = "a sheet.png"
        card.answer = answer
        card.results = sweep.set.results.filter { $0.job == job }
        return card
    }

    @Test("says what it is, how sure its rank is, and how to use it")
    func whole() throws {
        let answer = sweep.set.answer()
        let best = try #require(answer.best)
        #expect(best.tiedWith == [2])
        let text = card(best.jobs[1], answer).markdown()
        for wanted in [
            "base_model: \"my base\"", "instance_prompt: \"veko cat\"", "![Images of this adapter](a%20sheet.png)",
            "`veko`, before the class word: `veko cat`", "no trigger word; the concept is called `dog`",
            "#1 of 3 configurations", "tied with #2", "| lr | 0.0005 | yes |", "| dim | 4 |  |",
            "radiata sample --base '/models/my base' --adapter it.safetensors --prompt 'veko cat'",
            "create_network_from_weights", "models/loras", "SHA-256 `ff`", "digest `bb`", "digest `dd`",
        ] { #expect(text.contains(wanted), "\(wanted)\n\(text)") }
        // The interval is that of the answer, rounded as everywhere.
        let estimate = best.criteria[0]
        #expect(text.contains("| \(NumberWords.text(estimate.value, plusMinus: estimate.halfWidth)) | 2 |"))
        #expect(text.contains("| paired_fidelity | holdout | 0.820 | 12 |"))
    }

    @Test("a third place is called so, another checkpoint too, and one seed has no rank")
    func standing() throws {
        let answer = sweep.set.answer()
        let last = try #require(answer.rows.last)
        var third = card(last.jobs[0], answer)
        #expect(third.markdown().contains("#3 of 3 configurations") && third.markdown().contains("stands apart"))
        third.step = 50
        #expect(third.markdown().contains("this is another checkpoint"))
        var single = MadeSweep()
        for (name, value) in [("a", 0.8), ("b", 0.4)] { single.addDemo(name, seed: 1, fidelity: value, loss: 0.1) }
        let unsure = single.set.answer()
        let text = card(try #require(unsure.best).jobs[0], unsure).markdown()
        #expect(text.contains("Ranking not established") && text.contains("One seed has no interval"))
        #expect(!text.contains("±"))
    }

    @Test("a plain LoRA is loaded by diffusers; a program's adapter promises nothing; unmeasured is said by silence")
    func kinds() {
        var plain = card("x", nil)
        plain.isPlainLoRA = true
        plain.results = []
        let text = plain.markdown()
        #expect(
            text.contains("library_name: diffusers")
                && text.contains("load_lora_weights(\".\", weight_name=\"it.safetensors\")"))
        #expect(!text.contains("## How good") && !text.contains("## Measures"))
        plain.isCore = false
        #expect(!plain.markdown().contains("## Use") && !plain.markdown().contains("settings.toml"))
    }

    @Test("names cannot break the card")
    func names() {
        var card = card("x", nil)
        card.triggers = [.init(word: "a`b\n# c", className: "\"d")]
        card.given["note"] = "x|y\nz"
        card.parameters["note"] = "x|y\nz"
        let text = card.markdown()
        #expect(text.contains("`a'b # c`") && text.contains("x\\|y z") && text.contains("\\\"d"))
        #expect(!text.contains("\n# c"))
    }
}
