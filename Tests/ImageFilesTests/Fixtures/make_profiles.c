// Writes the colour profiles that make_viewer_fixtures.py embeds, by their published primaries:
//     cc make_profiles.c -llcms2 -o /tmp/make_profiles && /tmp/make_profiles
#include <lcms2.h>

static void rgb(const char *name, double gamma, const double *c) {
    const cmsCIExyY white = {0.3127, 0.3290, 1};
    const cmsCIExyYTRIPLE primaries = {{c[0], c[1], 1}, {c[2], c[3], 1}, {c[4], c[5], 1}};
    cmsToneCurve *curve = cmsBuildGamma(NULL, gamma);
    cmsToneCurve *curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);
    cmsSetProfileVersion(profile, 2.1);
    cmsSaveProfileToFile(profile, name);
    cmsCloseProfile(profile);
    cmsFreeToneCurve(curve);
}

int main(void) {
    rgb("p3.icc", 2.4, (const double[]){0.680, 0.320, 0.265, 0.690, 0.150, 0.060});
    rgb("adobe.icc", 2.19921875, (const double[]){0.64, 0.33, 0.21, 0.71, 0.15, 0.06});
    cmsToneCurve *curve = cmsBuildGamma(NULL, 1.8);
    cmsHPROFILE gray = cmsCreateGrayProfile(cmsD50_xyY(), curve);
    cmsSaveProfileToFile(gray, "gray18.icc");
    cmsCloseProfile(gray);
    cmsFreeToneCurve(curve);
    return 0;
}
