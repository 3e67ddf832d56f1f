extension MetricInfo {
    /// Of pairs: what an edit makes of a picture, beside the picture that it should have made.
    static let pairs: [MetricInfo] = [
        edit(
            "psnr_inside", "PSNR inside", "peak signal-to-noise ratio to the target where source and target differ",
            "dB"),
        edit(
            "psnr_outside", "PSNR outside", "peak signal-to-noise ratio to the target where nothing should change", "dB"
        ),
        edit("psnr_gain", "gain in PSNR", "by how much the PSNR inside is above that of the unedited source", "dB"),
        edit(
            "ssim_inside", "SSIM inside", "structural similarity to the target where source and target differ",
            "similarity"),
        edit(
            "ssim_outside", "SSIM outside", "structural similarity to the target where nothing should change",
            "similarity"),
        edit(
            "ssim_gain", "gain in SSIM", "by how much the SSIM inside is above that of the unedited source",
            "similarity"),
        edit(
            "failure", "failed edits", "share of images whose PSNR inside is not above that of the unedited source",
            "share", lowerIsBetter: true),
        edit(
            "lpips_inside", "LPIPS inside", "how different the image looks from the target for what lies inside alone",
            "distance", lowerIsBetter: true),
        edit(
            "lpips_outside", "LPIPS outside",
            "how different the image looks from the target for what lies outside alone",
            "distance", lowerIsBetter: true),
        edit(
            "lpips_gain", "gain in LPIPS", "by how much the LPIPS inside is below that of the unedited source",
            "distance"),
    ]

    private static func edit(
        _ name: String, _ title: String, _ meaning: String, _ unit: String, lowerIsBetter: Bool = false
    ) -> MetricInfo {
        MetricInfo(
            name: "edit_" + name, title: title, lowerIsBetter: lowerIsBetter, prompts: "holdout", meaning: meaning,
            unit: unit)
    }
}
