import Foundation
import TestSupport
import Testing

/// The trainer's process as a worker starts it: `radiata trainer JOB.json …`.
@Suite("Trainer tasks")
struct TrainerTaskTests {
    /// A task whose base is nowhere.
    private func task(out: String) -> String {
        """
        {"job": {"job": "0123", "base": "\(out)/no-base", "data": "\(out)/no-data", "encoders": {},
          "checkpoints": {"epochs": [], "steps": [], "stateEverySeconds": 300},
          "training": {"algorithm": "lora", "layers": "attn-mlp", "dim": 4, "alpha": 4, "factor": -1,
            "trainNorm": false, "dropout": 0, "rankDropout": 0, "moduleDropout": 0, "useTucker": false,
            "useScalar": false, "rsLoRA": false, "dora": false, "weightDecomposeOnOutput": true,
            "decomposeBoth": false, "fullMatrix": false, "unbalancedFactorization": false, "blockSize": 4,
            "constraint": 0, "rescaled": false, "trainOnInput": false, "scaleWeightNorms": 0,
            "learningRate": 0.0005, "textEncoderLearningRate": 0.0005, "epochs": 1, "batch": 1,
            "gradientAccumulation": 1, "optimizer": "adamw", "weightDecay": 0.01, "betas": [0.9, 0.999],
            "epsilon": 1e-08, "warmupSteps": 0, "schedule": "constant", "cycles": 1, "maxGradNorm": 1,
            "captionDropout": 0, "priorLossWeight": 1, "noiseOffset": 0, "clipSkip": 1, "zeroTerminalSNR": false,
            "flip": false, "buckets": false, "maxTokenLength": 75, "gradientCheckpointing": false, "seed": 3}},
         "out": "\(out)"}
        """
    }

    @Test("a process runs its tasks one after another, each with a record of its end")
    func severalTasks() throws {
        let folder = try TemporaryFolder()
        let outs = ["a", "b"].map { "\(folder.path)/\($0)" }
        let files = try outs.map { out in
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            return try folder.write("\(URL(filePath: out).lastPathComponent).json", task(out: out))
        }
        let ended = try RadiataProgram.run(["trainer"] + files + ["--threads", "1"])
        #expect(ended.status == 2, "\(ended)")
        for out in outs {
            #expect(ended.messages.contains("\(out)/no-base"), "\(ended)")
            #expect(try String(contentsOfFile: out + "/exit.json", encoding: .utf8) == "{\"status\":2}")
        }
    }

    @Test("a sweep file is no task, and says so", arguments: ["name: x\n", "{\"job\": {}}", ""])
    func noTask(text: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("job.json", text)
        let ended = try RadiataProgram.run(["trainer", path])
        #expect(ended.status == 2 && ended.messages.contains("\(path): no task of a trainer"), "\(ended)")
    }
}
