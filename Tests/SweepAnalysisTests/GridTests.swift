import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis
import Testing

@Suite("Axes of image grids")
struct GridAxisTests {
    private func values(_ text: String) throws -> [String] {
        let axis = try ImageGridAxis(text, parameters: nil)
        return try ImageGridPick.values(axis.picks ?? [], of: axis.kind)
    }

    @Test(
        "values, ranges and steps",
        arguments: [
            ("strength=0.4..1.2", "0.4 0.6 0.8 1 1.2"), ("strength=0..1", "0 0.25 0.5 0.75 1"),
            ("strength=0.4..1.2/0.4", "0.4 0.8 1.2"), ("strength=0..1/0.3", "0 0.3 0.6 0.9"),
            ("strength=-1..1", "-1 -0.5 0 0.5 1"), ("strength=0.1..0.7/0.1", "0.1 0.2 0.3 0.4 0.5 0.6 0.7"),
            ("strength=0,0.5..1/0.25,0.5", "0 0.5 0.75 1"), ("strength=0.5..0.5", "0.5"),
            ("seed=1..5", "1 2 3 4 5"), ("seed=0..40", "0 10 20 30 40"), ("seed=3,1", "3 1"), ("seed=7..8", "7 8"),
            ("seed=1..9/4", "1 5 9"), ("prompt=a cat, a dog", "a cat|a dog"),
            ("blocks=all,in+mid,up1", "all in+mid up1"),
            ("adapter=a.safetensors,b", "a.safetensors b"),
        ])
    func read(text: String, wanted: String) throws {
        #expect(try values(text) == wanted.split(separator: wanted.contains("|") ? "|" : " ").map(String.init))
    }

    @Test("a range without a step has about five values, its ends among them")
    func usualSteps() throws {
        for low in stride(from: -1.0, through: 1, by: 0.1) {
            for span in stride(from: 0.1, through: 2, by: 0.1) {
                let (low, high) = ((low * 10).rounded() / 10, ((low + span) * 10).rounded() / 10)
                let found = try values("strength=\(low)..\(high)").compactMap(Double.init)
                #expect((2...10).contains(found.count), "\(low)..\(high): \(found)")
                #expect(abs((found.first ?? 9) - low) < 1e-9 && abs((found.last ?? 9) - high) < 1e-9)
            }
        }
    }

    @Test(
        "what cannot be read is refused with what was wanted",
        arguments: [
            ("strenght=1", "did you mean strength"), ("strenght=1", "axes are strength, prompt, seed, adapter, blocks"),
            ("lr=1e-4", "of a sweep only"), ("epoch=1", "adapter files have no epochs"),
            ("strength=a", "wanted a number"),
            ("strength=1..0", "write 0..1"), ("strength=0..1/0", "no number above 0"), ("seed=1.5", "whole number"),
            ("seed=0..1/0.5", "whole numbers"), ("seed=-1..4", "0 or more"), ("seed=0..1e9/1", "at most 1000"),
            ("strength=1,,2", "a value is empty"), ("seed=@file", "for prompts"), ("strength=", "a value is empty"),
        ])
    func refused(text: String, says: String) {
        #expect {
            _ = try values(text)
        } throws: { error in
            "\(error)".contains(says)
        }
    }

    @Test("of a sweep's values those are taken that are asked for, numbers as numbers")
    func selected() throws {
        let rates = ["0.0001", "0.0003", "0.001", "0.003"]
        func taken(_ text: String) throws -> [String] {
            let axis = try ImageGridAxis(text, parameters: ["lr", "betas", "algorithm"])
            return try ImageGridPick.selected(axis.picks ?? [], from: rates, of: axis.kind)
        }
        #expect(try taken("lr=1e-3,1e-4") == ["0.001", "0.0001"])
        #expect(try taken("lr=1e-4..1e-3") == ["0.0001", "0.0003", "0.001"])
        #expect {
            try taken("lr=0.5")
        } throws: { error in
            "\(error)".contains("lr=0.5: there is none; lr is 0.0001, 0.0003, 0.001, 0.003")
        }
        #expect(throws: RunSpecError.self) { try taken("lr=0..1/0.1") }
        let epochs = try ImageGridAxis("epoch=2..8/2", parameters: [])
        #expect(
            try ImageGridPick.selected(epochs.picks ?? [], from: (1...9).map(String.init), of: .epoch) == [
                "2", "4", "6", "8",
            ])
        let lists = try ImageGridAxis("betas=[0.9, 0.99],[0.9, 0.999]", parameters: ["betas"])
        #expect(lists.picks == [.value("[0.9, 0.99]"), .value("[0.9, 0.999]")])
        let paths = ["config.process[0].train.lr", "config.process[0].network.linear", "optimizer.lr"]
        #expect(try ImageGridAxis("train.lr=1e-4", parameters: paths).kind == .parameter(paths[0]))
        #expect(try ImageGridAxis("linear", parameters: paths).kind == .parameter(paths[1]))
        #expect(throws: RunSpecError.self) { try ImageGridAxis("lr", parameters: paths) }
        #expect(ImageGridPick.ordered(["b", "10", "9", "a", "1e-4", "9"]) == ["1e-4", "9", "10", "a", "b"])
        #expect(try ImageGridAxis("seed", parameters: nil) == ImageGridAxis(kind: .seed))
        #expect(try ImageGridAxis("prompt=@prompts.txt", parameters: nil).file == "prompts.txt")
    }

    @Test(
        "trainers' sample names give step, epoch and series",
        arguments: [
            ("mine_e000002_01_20250131120000.png", 2, nil, "01"),
            ("mine_000120_00_20250131120000_42.png", nil, 120, "00 42"),
            ("dim8-s1-3e4a1b_e000002_01_20250131120000_7.png", 2, nil, "01 7"),
            ("1699999999999__000000100_0.jpg", nil, 100, "0"), ("step-00000250-3.png", nil, 250, "3"),
            ("samples/epoch_4/cat.png", 4, nil, "samples cat"), ("500.png", nil, 500, ""),
            ("sample_s100_dog.webp", nil, 100, "sample dog"), ("step_100_cat_0_512x512.png", nil, 100, "0 512 512"),
            ("2 - a cat_2025-01-31_12-00-00-training-sample-120-3-0.jpg", 3, 120, "2"),
            ("2025-01-31_12-00-00-training-sample-12-1-0.png", 1, 12, ""), ("final.png", nil, nil, "final"),
        ] as [(String, Int?, Int?, String)])
    func samples(name: String, epoch: Int?, step: Int?, series: String) {
        let read = SampleName(name)
        #expect(read.epoch == epoch && read.step == step && read.series == series, "\(read)")
    }

    @Test("a number in the name of an edited picture is no step")
    func edits() {
        func place(_ name: String, checkpoint: String) -> SampleName {
            PublicQueries.PictureFile(
                job: "j", checkpoint: checkpoint, kind: "sample", name: name, sha256: "", bytes: 0
            ).place
        }
        let edit = place("img-0120.png", checkpoint: EditTask.checkpoint)
        #expect(edit.epoch == nil && edit.step == nil && edit.series == "img-0120")
        #expect(place("img-0120.png", checkpoint: "").step == 120)
    }
}

@Suite("Grids as pages")
struct GridPageTests {
    private func page(z: [String]?) throws -> String {
        let grid = ImageGrid(
            title: "a <b> & \"c\"", note: "<i>", x: .init(name: "lr", values: ["<1>", "2"]),
            y: .init(name: "dim", values: ["4", "8"]), z: z.map { .init(name: "prompt", values: $0) }, side: 64)
        return try GridPage(grid: grid, facts: [("base", "<x>")]).html { place in
            if place == .init(x: 1, y: 1) { return .missing("job <failed>") }
            return try GridPage.Cell(RGBImage(width: place.x == 0 ? 64 : 200, height: 64))
        }
    }

    @Test("is well formed, needs nothing else, and escapes what it is given", arguments: [nil, ["a cat", "<dog>"]])
    func wellFormed(z: [String]?) throws {
        let html = try page(z: z)
        if let path = ProcessInfo.processInfo.environment["RADIATA_GRID_SAMPLE"] {
            try html.write(toFile: path, atomically: true, encoding: .utf8)
        }
        // Every element that is opened is closed, in turn; those without content have no end.
        var open: [String] = []
        for match in html.matches(of: /<(\/?)([a-z0-9]+)((?:\s[^<>]*)?)>/) {
            let name = String(match.2)
            if ["meta", "img", "input", "br"].contains(name) { continue }
            if match.1.isEmpty { open.append(name) } else { #expect(open.popLast() == name, "</\(name)>") }
        }
        #expect(open.isEmpty && html.hasPrefix("<!doctype html>") && html.hasSuffix("</html>\n"))
        #expect(html.contains("a &lt;b&gt; &amp; &quot;c&quot;") && html.contains("job &lt;failed&gt;"))
        for raw in ["<b>c", "<1>", "<dog>", "<failed>", "<x>", "<i>"] { #expect(!html.contains(raw), "\(raw)") }
        #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("src=\"/"))
        let panels = z?.count ?? 1
        #expect(html.components(separatedBy: "src=\"data:image/png;base64,").count == 2 * panels + 1)
        #expect(html.components(separatedBy: "src=\"data:image/webp;base64,").count == 2 * panels)
        #expect(html.contains("id=\"zname\"") == (z != nil))
    }
}
