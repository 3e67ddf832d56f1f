import Foundation
import TestSupport
import Testing

/// The walks of newcomers, as the pages of the guide have them: their commands are run word by word, in a
/// folder with a file that works. Only where the trainer lies is put in.
@Suite("The walks of the guide")
struct GuideWalkTests {
    /// The commands under "Five commands", without comments and with their lines joined.
    private static func commands(_ page: String) throws -> [[String]] {
        let text = try String(contentsOfFile: SourceTree.path("docs/guide/\(page)"), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "## Five commands").last)
        let block = try #require(section.components(separatedBy: "```sh\n").dropFirst().first)
        let script = try #require(block.components(separatedBy: "```").first).replacing("\\\n", with: " ")
        return script.split(separator: "\n").map { line in
            line.split(separator: " ").prefix { $0 != "#" }.map { String($0).replacing("\"", with: "") }
        }
    }

    /// Runs them, and looks at what each leaves.
    ///
    /// - Parameters:
    ///   - places: texts of the page that name the trainer's programs, and where they lie here.
    ///   - steps: of each training.
    private func walk(_ house: House, _ page: String, _ places: [String: String], steps: Int) throws {
        let commands = try Self.commands(page)
        try #require(commands.count == 5 && commands.allSatisfy { $0.first == "radiata" }, "\(commands)")
        #expect(commands.map { $0[1] } == ["import", "check", "launch", "top", "grid"])
        for words in commands {
            let words = words.dropFirst().map { word in
                places.reduce(word) { text, place in text.replacing(place.key, with: place.value) }
            }
            let ended = try RadiataProgram.run(
                Array(words), environment: ["RADIATA_COORDINATOR": house.url], in: house.folder.path)
            #expect(ended.status == 0, "\(words): \(ended)\n\(house.allLogs())")
            switch words[0] {
            case "check": #expect(ended.output.isEmpty, "\(ended)")
            case "top":
                #expect(ended.output.split(separator: "\n").count { $0.contains("·") } == 8, "\(ended)")
            case "grid":
                #expect(!ended.messages.contains("also differ"), "three axes: nothing is left out")
                let file = try #require(words.last)
                #expect(try house.folder.read(file).components(separatedBy: "data:image/").count - 1 == 8, "\(ended)")
            default: break
            }
        }
        #expect(try house.count("SELECT count(*) FROM jobs WHERE state = 'done'") == 8)
        // Steps are those of the training, in every attempt.
        #expect(try house.count("SELECT max(step) FROM metrics WHERE key = 'loss'") == steps)
    }

    @Test("from a working kohya TOML to three axes, a leaderboard and a grid of pictures, in five commands")
    func kohya() throws {
        let house = try House()
        try house.startCoordinator()
        // As in a virtual environment that is active: accelerate is in the PATH.
        let path = KohyaTests.stand + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
        _ = try house.startWorker("worker", environment: ["PATH": path])
        try FileManager.default.createDirectory(
            atPath: house.folder.path + "/pictures/10_cat", withIntermediateDirectories: true)
        _ = try house.folder.write("prompts.txt", "a cat --w 64")
        _ = try house.folder.write(
            "cat.toml",
            KohyaTests.toml(
                "train_data_dir = \"./pictures\"\nsample_prompts = \"prompts.txt\"\nsample_every_n_epochs = 1",
                epochs: 2))
        try walk(house, "from-kohya.md", ["/opt/sd-scripts/sdxl_train_network.py": KohyaTests.script], steps: 8)
    }

    @Test("from a working ai-toolkit YAML to three axes, a leaderboard and a grid of pictures, in five commands")
    func aiToolkit() throws {
        let house = try House()
        try house.startCoordinator()
        _ = try house.startWorker("worker")
        _ = try house.folder.write("cat.yaml", AIToolkitTests.yaml())
        let places = ["/opt/ai-toolkit/run.py": AIToolkitTests.script, "/opt/ai-toolkit/venv/bin/python": "python3"]
        try walk(house, "from-ai-toolkit.md", places, steps: 12)
    }
}
