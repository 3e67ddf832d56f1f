import Foundation
import RunSpec

/// What the card says of quality, settings, use and origin.
extension ModelCard {
    /// Where the configuration stands among those of its sweep, in the words of the sweep's answer.
    var standing: String? {
        guard let answer, let row else { return nil }
        var lines: [String] = []
        if answer.rows.count == 1 {
            lines.append("The only configuration of its sweep that was measured.")
        } else if !answer.isEstablished {
            lines.append(
                "Ranking not established: one seed a configuration, so nothing tells a difference from chance. By its "
                    + "values it is #\(row.rank) of \(answer.rows.count).")
        } else {
            let chance = row.bestProbability.map { ", the best with probability \(NumberWords.chance($0))" } ?? ""
            let tie =
                row.tiedWith.isEmpty ? "stands apart from all others" : "tied with \(NumberWords.ranks(row.tiedWith))"
            lines.append("#\(row.rank) of \(answer.rows.count) configurations\(chance); \(tie).")
        }
        if row.step != step, !answer.rule.readsOnlyCurves {
            lines.append(
                "That is said of \(row.epoch > 0 ? "epoch \(row.epoch)" : "step \(row.step)"); this is another checkpoint."
            )
        }
        lines += answer.words.dropFirst(row.rank == 1 && answer.rows.count > 1 ? 1 : 0).prefix(3)
        lines += row.findings.map { "Sign of being \($0.kind.rawValue): \($0.text)" }
        return "## How good, and how sure\n\n" + lines.map { "- \($0)" }.joined(separator: "\n")
    }

    /// The rule's measures over all seeds with intervals, then everything that this job measured.
    var measures: String? {
        var parts: [String] = []
        if let answer, let row, !row.criteria.isEmpty {
            var lines = ["| measure | mean, 90 % interval | seeds |", "|---|--:|--:|"]
            for (criterion, estimate) in zip(answer.rule.criteria, row.criteria) {
                let arrow = criterion.lowerIsBetter ? "↓" : "↑"
                let value = NumberWords.text(estimate.value, plusMinus: estimate.halfWidth)
                lines.append("| \(Self.cell(criterion.title)) \(arrow) | \(value) | \(estimate.seeds) |")
            }
            if row.criteria.contains(where: { $0.low == nil }) {
                lines.append("\nOne seed has no interval: nothing says how far another seed would lie.")
            }
            parts.append("Of the configuration, over its training seeds:\n\n" + lines.joined(separator: "\n"))
        }
        let own = results.filter { $0.class.isEmpty && !MetricInfo.isReference($0.metric) }
            .sorted { ($0.prompts, $0.metric) < ($1.prompts, $1.metric) }
        if !own.isEmpty {
            var lines = ["| metric | prompts | value | images |", "|---|---|--:|--:|"]
            lines += own.map {
                "| \(Self.cell($0.metric)) | \(Self.cell($0.prompts)) | \(NumberWords.text($0.value)) | \($0.n) |"
            }
            parts.append("Of this adapter alone:\n\n" + lines.joined(separator: "\n"))
        }
        return parts.isEmpty ? nil : "## Measures\n\n" + parts.joined(separator: "\n\n")
    }

    var settings: String? {
        let shown = isCore ? parameters : given
        guard !shown.isEmpty else { return nil }
        var lines = ["| parameter | value | set by the sweep |", "|---|---|---|"]
        for (name, value) in shown.sorted(by: { $0.key < $1.key }) where !value.isNull {
            lines.append(
                "| \(Self.cell(name)) | \(Self.cell(VariedParameters.text(value))) | \(given[name] == nil ? "" : "yes") |"
            )
        }
        lines.append("| seed | \(seed) | yes |")
        return "## Settings\n\n" + lines.joined(separator: "\n")
            + "\n\nThe same is in `settings.json`"
            + (isCore ? ", and for kohya's sd-scripts with LyCORIS in `settings.toml` (`--config_file`)." : ".")
    }

    var use: String? {
        guard let file = files.first(where: { $0.name.hasSuffix(".safetensors") })?.name, isCore else { return nil }
        let prompt = triggers.first?.prompt ?? "a prompt"
        let base = base?.path ?? "BASE"
        var parts = [
            """
            With Radiata:

            ```sh
            radiata sample --base \(Self.shell(base)) --adapter \(Self.shell(file)) --prompt \(Self.shell(prompt)) --out images
            ```
            """
        ]
        let python =
            "import torch\nfrom diffusers import DiffusionPipeline\n\npipe = DiffusionPipeline.from_pretrained(\n"
            + "    \(Self.quoted(base)), torch_dtype=torch.float32)\n"
        let draw = "pipe(\(Self.quoted(prompt))).images[0].save(\"image.png\")"
        if isPlainLoRA {
            parts.append(
                "With diffusers:\n\n```python\n" + python
                    + "pipe.load_lora_weights(\".\", weight_name=\(Self.quoted(file)))\n" + draw + "\n```")
        } else {
            parts.append(
                "With diffusers and LyCORIS (`pip install lycoris-lora`; diffusers alone reads plain LoRA only):\n\n"
                    + "```python\nfrom lycoris.kohya import create_network_from_weights\n" + python
                    + "network, weights = create_network_from_weights(\n"
                    + "    1.0, \(Self.quoted(file)), pipe.vae, pipe.text_encoder, pipe.unet)\n"
                    + "network.merge_to(pipe.text_encoder, pipe.unet, weights, pipe.unet.dtype, pipe.device)\n" + draw
                    + "\n```")
        }
        parts.append(
            "With ComfyUI: put \(Self.code(file)) into `models/loras` and choose it in a *Load LoRA* node"
                + (isPlainLoRA ? "." : ", which reads LyCORIS files too.")
                + " With AUTOMATIC1111: the same folder, `models/Lora`.")
        return "## Use\n\n" + parts.joined(separator: "\n\n")
    }

    var provenance: String? {
        var lines = ["- job \(Self.code(job)), sweep \(Self.code(sweep)), checkpoint \(Self.code(checkpoint))"]
        if let base { lines.append("- base \(Self.code(base.path)), digest \(Self.code(base.digest))") }
        if let data { lines.append("- data \(Self.code(data.path)), digest \(Self.code(data.digest))") }
        lines += files.map { "- file \(Self.code($0.name)), SHA-256 \(Self.code($0.sha256))" }
        if !program.isEmpty { lines.append("- fetched with Radiata \(program)") }
        return "## Where it comes from\n\n" + lines.joined(separator: "\n")
    }

    private static func cell(_ text: String) -> String {
        text.replacing("|", with: "\\|").replacing("\n", with: " ")
    }

    /// As a shell takes it for one word.
    private static func shell(_ text: String) -> String {
        // A line of its own would read as a part of the card.
        let text = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        let plain = text.unicodeScalars.allSatisfy {
            CharacterSet.alphanumerics.contains($0) || "-_./".unicodeScalars.contains($0)
        }
        return plain && !text.isEmpty ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
